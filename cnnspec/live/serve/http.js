// The engine is `cnnspec serve`: a question is a request that bears the page's token.

const RESTS = 60; // a picture is drawn beside what is asked next

const token = new URLSearchParams(location.search).get("token");

async function ask(what, body) {
  const headers = { "Content-Type": "application/json", "X-Cnnspec-Token": token };
  let answer;
  try {
    answer = await fetch(what, { method: "POST", headers, body: JSON.stringify({ name, ...body }) });
  } catch {
    throw new Error("cnnspec serve has ended");
  }
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.problem), { status: answer.status });
  return said;
}

// Another editor may write the file, or one that it uses: what is heard of is another stamp, or `uses`.
let events = null;
function follow() {
  events?.close();
  events = document.hidden ? null : new EventSource(`events?${new URLSearchParams({ token, name })}`);
  events?.addEventListener("message", ({ data }) => fileChanged(JSON.parse(data)).catch(({ message }) => tell(message)));
}

document.addEventListener("visibilitychange", follow);

