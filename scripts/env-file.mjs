/** Adds `.env` in the working directory to the environment, which takes precedence; the file may be absent. */
export function loadEnvFile() {
  try {
    process.loadEnvFile();
  } catch (error) {
    if (error.code !== 'ENOENT') throw new Error(`The file .env cannot be read (${error.code}).`, { cause: error });
  }
}
