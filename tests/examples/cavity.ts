import type { Client, Post } from "@edvoyage/client-sdk";

/** Shows Cavity after each change, with own posts that wait at the top. Returns the functions for a screen. */
export const openFeed = ({ social }: Client, show: (posts: readonly Post[]) => void) => {
  const stop = social.feed.watch(({ value }) => show(value?.items ?? []));

  return {
    // Stored on this device when it resolves, visible immediately, and sent as soon as there is a connection.
    post: (text: string) => social.post({ text }),
    toggleLike: ({ id, liked }: Post) => (liked ? social.unlike(id) : social.like(id)),
    loadMore: () => social.feed.loadMore(),
    stop,
  };
};
