import { Module } from '@nestjs/common';
import { AssetFiles } from './asset.files.js';
import { PageFiles } from './page-files.js';
import { PagesController } from './pages.controller.js';

/** What people see: the app at `/`, GraphiQL at `/graphiql`, and the files that both load. */
@Module({ controllers: [PagesController], providers: [PageFiles, AssetFiles] })
export class PagesModule {}
