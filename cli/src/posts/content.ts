import type { InspectedPost } from "@edvoyage/server";

/** What a post says, or shows where it says nothing. */
export const contentOf = ({ text, link, image }: InspectedPost): string => text ?? link ?? image ?? "";

/** Who wrote it. */
export const authorOf = ({ authorName, authorId }: InspectedPost): string => authorName ?? authorId;
