// The page of the to-do list: shows what /todos says, and says what is clicked.

const form = document.querySelector("form");
const list = document.querySelector("ul");
const status = document.querySelector("[role=status]");

// One request.  A change names the version that is shown, so that nobody else's is overwritten.
async function ask(method, path, { body, version } = {}) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (version) headers["If-Match"] = `"${version}"`;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const value = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

// Does it, says what went wrong, and shows how things are now.
async function attempt(doing) {
  try {
    await doing();
    status.textContent = "";
  } catch (error) {
    status.textContent = error.message;
  }
  await show();
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function row({ id, version, done, title }) {
  const path = `/todos/${id}`;
  const change = () => attempt(() => ask("PATCH", path, { version, body: { done: !done } }));
  const remove = () => attempt(() => ask("DELETE", path, { version }));
  return element("li", { id: `item-${id}`, className: done ? "done" : "" },
    element("input", { type: "checkbox", checked: done, ariaLabel: title, onchange: change }),
    element("span", { textContent: title }),
    element("button", { textContent: "✕", ariaLabel: `Remove ${title}`, onclick: remove }));
}

async function show() {
  const items = await ask("GET", "/todos");
  list.replaceChildren(...items.map(row));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const title = form.elements.title.value;
  form.reset();
  attempt(() => ask("POST", "/todos", { body: { title } }));
});

show();
