import { EdVoyageProvider, useAuth, useFavourites, useReady, useRoom } from "@edvoyage/client-sdk/react";
import { useReadyError, useSecondsUntil, useSyncStatus, useUniversities } from "@edvoyage/client-sdk/react";
import type { Client } from "@edvoyage/client-sdk";
import { useState, type ReactNode } from "react";

const SignIn = ({ children }: { readonly children: ReactNode }) => {
  const { status } = useAuth();
  const seconds = useSecondsUntil(status.state === "blocked" ? status.blockedUntil : undefined);
  const isReady = useReady();
  const error = useReadyError();
  if (!isReady) return <p>{error ? `This device cannot be read: ${error.reason}` : "…"}</p>;
  if (status.state === "blocked") return <p>Too many wrong codes. Try again in {seconds} s.</p>;
  if (status.state === "codeSent")
    return <p>{status.attemptsRemaining} attempts left for the code that we sent.</p>;
  // With an expired session, students can still read and write; changes are sent after the next sign-in.
  return status.student ? children : <p>Your phone number, please.</p>;
};

const Universities = () => {
  const { value } = useUniversities({ country: "PT" });
  const { has, toggle } = useFavourites();
  return (
    <ul>
      {value?.items.map(({ id, name }) => (
        <li key={id}>
          <button onClick={() => void toggle("university", id)}>{has("university", id) ? "★" : "☆"}</button>{" "}
          {name}
        </li>
      ))}
    </ul>
  );
};

const Room = ({ id }: { readonly id: string }) => {
  const { messages, room } = useRoom(id);
  const [isFull, setIsFull] = useState(false);
  return (
    <>
      {messages.map((message) => (
        <p key={message.id} className={message.state}>
          {message.text}{" "}
          {message.state === "failed" && <button onClick={() => void room.retry(message.id)}>↻</button>}
        </p>
      ))}
      <button onClick={() => void room.send("Hello").catch(() => setIsFull(true))}>Say hello</button>
      {isFull && <p>Not saved: there is no room on this phone.</p>}
    </>
  );
};

const Status = () => {
  const { pending, failed } = useSyncStatus();
  if (failed > 0) return <p>Something could not be sent</p>;
  return <p>{pending > 0 ? "Saved on this phone" : "Saved"}</p>;
};

export const App = ({ client, roomId }: { readonly client: Client; readonly roomId?: string }) => (
  <EdVoyageProvider client={client}>
    <SignIn>
      <Universities />
      {roomId === undefined ? null : <Room id={roomId} />}
      <Status />
    </SignIn>
  </EdVoyageProvider>
);
