// `me` in a NestJS + Apollo application on Express: express-session with connect-pg-simple, a user row, a token.
import 'reflect-metadata';
import { ApolloDriver } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Context, Field, GraphQLModule, ID, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { JwtModule, JwtService } from '@nestjs/jwt';
import connectPgSimple from 'connect-pg-simple';
import session from 'express-session';
import pg from 'pg';
import { decorate } from './decorate.mjs';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const PgStore = connectPgSimple(session);
const TOKEN_SECONDS = 60;

await pool.query(
  `CREATE TABLE peer_users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text UNIQUE NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`,
);

class User {}
decorate(User, { method: 'id', on: [Field(() => ID)] });
decorate(User, { method: 'email', on: [Field(() => String)] });
decorate(User, { method: 'createdAt', on: [Field(() => Date)] });
decorate(User, { on: [ObjectType()] });

class Me {}
decorate(Me, { method: 'user', on: [Field(() => User)] });
decorate(Me, { method: 'token', on: [Field(() => String)] });
decorate(Me, { method: 'tokenExpiresAt', on: [Field(() => Date)] });
decorate(Me, { on: [ObjectType()] });

class MeResolver {
  constructor(jwt) {
    this.jwt = jwt;
  }
  async me({ req }) {
    if (!req.session.userId) return null;
    const found = await pool.query('SELECT id, email, created_at AS "createdAt" FROM peer_users WHERE id = $1', [
      req.session.userId,
    ]);
    const [user] = found.rows;
    if (!user) return null;
    const token = await this.jwt.signAsync({ sub: user.id, sid: req.sessionID });
    return { user, token, tokenExpiresAt: new Date(Date.now() + TOKEN_SECONDS * 1000) };
  }
}
Reflect.defineMetadata('design:paramtypes', [JwtService], MeResolver);
decorate(MeResolver, { method: 'me', on: [Query(() => Me, { nullable: true })], parameters: { 0: Context() } });
decorate(MeResolver, { on: [Resolver()] });

class AppModule {}
decorate(AppModule, {
  on: [
    Module({
      imports: [
        JwtModule.register({
          secret: 'a secret of at least thirty-two bytes',
          signOptions: { expiresIn: TOKEN_SECONDS },
        }),
        GraphQLModule.forRoot({ driver: ApolloDriver, autoSchemaFile: true, playground: false }),
      ],
      providers: [MeResolver],
    }),
  ],
});

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.use(
  session({
    store: new PgStore({ pool, createTableIfMissing: true }),
    secret: 'another secret of at least thirty-two bytes',
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', maxAge: 7 * 86_400_000 },
  }),
);
async function login(request) {
  const insert = 'INSERT INTO peer_users (email) VALUES ($1) RETURNING id';
  const { rows } = await pool.query(insert, [`${Math.random()}@example.com`]);
  request.session.userId = rows[0].id;
}
app.getHttpAdapter().post('/login', (request, response, next) => {
  void login(request).then(() => response.json({}), next);
});
await app.listen(0, '127.0.0.1');
process.on('disconnect', () => process.exit(0));
process.send({ port: app.getHttpServer().address().port });
