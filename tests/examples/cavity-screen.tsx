import { useClient, useFeed, useNotifications, useProfile, useView } from "@edvoyage/client-sdk/react";
import type { ReactNode } from "react";

const Comments = ({ postId }: { readonly postId: string }) => {
  const { value } = useView(useClient().social.comments(postId));
  return value?.items.map(({ id, text, isPending }) => (
    <p key={id}>{isPending ? `${text} (to be sent)` : text}</p>
  ));
};

export const Cavity = (): ReactNode => {
  const { social, outbox } = useClient();
  const { value: profile } = useProfile();
  const { value: feed, error } = useFeed();
  const { unread } = useNotifications();
  return (
    <>
      <h1>
        {profile?.name ?? "You"}: {unread} new
      </h1>
      {feed?.items.map(({ id, text, likeCount, failure }) => (
        <article key={id}>
          <p>{text}</p>
          {failure ? (
            <button onClick={() => void outbox.discard(id)}>Not sent: {failure}</button>
          ) : (
            <button onClick={() => void social.like(id)}>♥ {likeCount}</button>
          )}
          <Comments postId={id} />
        </article>
      ))}
      {feed?.nextCursor && <button onClick={() => void social.feed.loadMore()}>More</button>}
      {!feed && error && <p>Nothing here yet: {error.reason}</p>}
    </>
  );
};
