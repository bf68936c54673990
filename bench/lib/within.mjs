/**
 * The result of a promise that settles in time.
 *
 * @param fault what has not happened, for the error when it does not
 */
export async function within(ms, promise, fault) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${fault} after ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
