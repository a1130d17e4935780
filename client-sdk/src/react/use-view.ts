import type { Application } from "../applications/api.ts";
import type { Notification } from "../notifications/notifications.ts";
import type { Page } from "../reads/page.ts";
import type { OwnProfile } from "../profile/profile.ts";
import { NOTHING_READ, type ReadSnapshot } from "../reads/query.ts";
import type { View } from "../reads/views.ts";
import type { Post } from "../social/api.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/**
 * What a view shows, such as `useView(client.social.comments(postId))`: with what waits to be sent, and again when another
 * device has changed it.
 */
export const useView = <Value>(view: Pick<View<Value>, "key" | "watch">): ReadSnapshot<Value> => {
  const client = useClient();
  return useWatched<ReadSnapshot<Value>>(view.watch, {
    initial: NOTHING_READ,
    dependencies: [client, view.key],
  });
};

/** The student's own profile. */
export const useProfile = (): ReadSnapshot<OwnProfile> => useView(useClient().profile);

/** Her applications, newest first. */
export const useApplications = (): ReadSnapshot<Page<Application>> => useView(useClient().applications);

/** Cavity, newest first; `client.social.feed.loadMore()` reads on. */
export const useFeed = (): ReadSnapshot<Page<Post>> => useView(useClient().social.feed);

/** What the student is told of, and how much of it is unread. */
export const useNotifications = (): ReadSnapshot<Page<Notification>> & { readonly unread: number } => {
  const { notifications } = useClient();
  const unread = useWatched<number>(notifications.watchUnread, { initial: 0, dependencies: [notifications] });
  return { ...useView(notifications), unread };
};
