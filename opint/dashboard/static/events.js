// A worker that reads the server's events and hands them to the page that started it.
"use strict";
onmessage = ({ data: since }) => {
  const source = new EventSource("/events?since=" + encodeURIComponent(since));
  source.addEventListener("alive", (event) => postMessage(JSON.parse(event.data)));
  source.onerror = () => postMessage({ lost: true, closed: source.readyState === EventSource.CLOSED });
};
