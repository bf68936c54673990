/** Adds what `.env` in the working directory says to the environment, which wins; a file that is absent is none. */
export function loadEnvFile() {
  try {
    process.loadEnvFile();
  } catch (error) {
    if (error.code !== 'ENOENT') throw new Error(`The file .env cannot be read (${error.code}).`, { cause: error });
  }
}
