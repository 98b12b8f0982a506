// Saves the reloading: posts the form in the background and puts the new page's content in place of the old one.
// Without this module every button still works.

const main = document.querySelector("main");

// Stays while the content changes, so that screen readers say what came of it.
const announced = document.createElement("p");
announced.setAttribute("role", "status");
announced.className = "unseen";
document.body.append(announced);

let latest = 0;

async function send(form, button) {
  const mine = ++latest;
  const body = new URLSearchParams(new FormData(form));
  if (button) {
    body.set(button.name, button.value);
  }
  main.setAttribute("aria-busy", "true");
  try {
    // Not form.action: that name belongs to the buttons.
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine === latest) {
      show(page);
    }
  } finally {
    if (mine === latest) {
      main.removeAttribute("aria-busy");
    }
  }
}

// Keeps open what was open, and the focus where it was.
function show(page) {
  const open = [...main.querySelectorAll("details")].map((each) => each.open);
  const focused = document.activeElement?.id;
  main.replaceChildren(...page.querySelector("main").childNodes);
  document.title = page.title;
  [...main.querySelectorAll("details")].forEach((each, index) => {
    if (open[index] && !each.classList.contains("override")) {
      each.open = true;
    }
  });
  announced.textContent = [...main.querySelectorAll(".told, .problem, .cards h3, .finding.none")]
    .map((each) => each.textContent.trim()).join(". ");
  if (focused) {
    document.getElementById(focused)?.focus();
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-live]")) {
    event.preventDefault();
    send(form, event.submitter);
  }
});

let waiting;
document.addEventListener("input", (event) => {
  if (event.target.id !== "minutes") {
    return;
  }
  clearTimeout(waiting);
  waiting = setTimeout(() => send(event.target.form, event.target.form.querySelector("button[value=again]")), 150);
});
