import { defineConfig } from 'drizzle-kit';

export default defineConfig({ dialect: 'postgresql', schema: './src/identity/database/schema.ts', out: './drizzle' });
