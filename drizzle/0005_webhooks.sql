CREATE TABLE "announced_viewers" (
	"viewer" text PRIMARY KEY NOT NULL,
	"left_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "webhook_messages" (
	"seq" bigserial PRIMARY KEY NOT NULL,
	"id" uuid NOT NULL,
	"type" text NOT NULL,
	"viewer" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone NOT NULL,
	"failed_at" timestamp (3) with time zone,
	"failure" text
);
--> statement-breakpoint
CREATE INDEX "announced_viewers_left_at" ON "announced_viewers" USING btree ("left_at") WHERE left_at is not null;--> statement-breakpoint
CREATE INDEX "webhook_messages_next_attempt_at" ON "webhook_messages" USING btree ("next_attempt_at") WHERE failed_at is null;--> statement-breakpoint
CREATE INDEX "webhook_messages_viewer_seq" ON "webhook_messages" USING btree ("viewer","seq");