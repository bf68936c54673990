import { Module } from '@nestjs/common';
import { AssetFiles } from './asset.files.js';
import { PageFiles } from './page-files.js';
import { PagesController } from './pages.controller.js';

/** The pages: the app at `/`, GraphiQL at `/graphiql`, and their files. */
@Module({ controllers: [PagesController], providers: [PageFiles, AssetFiles], exports: [PageFiles] })
export class PagesModule {}
