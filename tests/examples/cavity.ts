import type { Client, Post } from "@edvoyage/client-sdk";

/** Shows Cavity as it grows, own posts that wait at the top; returns what a screen does with it. */
export const openFeed = ({ social }: Client, show: (posts: readonly Post[]) => void) => {
  const stop = social.feed.watch(({ value }) => show(value?.items ?? []));

  return {
    // On this device's disk when it resolves, on the screen at once, and on the server as soon as there is a way.
    post: (text: string) => social.post({ text }),
    toggleLike: ({ id, liked }: Post) => (liked ? social.unlike(id) : social.like(id)),
    loadMore: () => social.feed.loadMore(),
    stop,
  };
};
