import type { InspectedPost } from "@edvoyage/server";

/** Returns the text of a post, otherwise its link or image. */
export const contentOf = ({ text, link, image }: InspectedPost): string => text ?? link ?? image ?? "";

/** Returns the name of a post's author, otherwise their id. */
export const authorOf = ({ authorName, authorId }: InspectedPost): string => authorName ?? authorId;
