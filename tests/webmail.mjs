// Drives the web mail in Debian's Chromium, as a person would: node webmail.mjs URL SCENARIO [--shots FOLDER]
// The last line it writes is "ok" and how long it took; a fault ends it with what was expected.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [url, scenario, ...more] = process.argv.slice(2);
const shots = more[0] === "--shots" ? more[1] : undefined;
const PATIENCE = 8_000; // ms
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const host = new URL(url).hostname;

async function begin(options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1360, height: 860 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.faults = [];
  page.elsewhere = []; // what left for other hosts
  page.on("pageerror", (fault) => page.faults.push(String(fault)));
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (!["data:", "blob:"].includes(asked.protocol) && asked.hostname !== host) page.elsewhere.push(request.url());
  });
  return page;
}

async function signIn(page, who = "alice@example.com") {
  await page.goto(url + "/mail/inbox");
  await page.getByLabel(/Mail address|메일 주소/).fill(who);
  await page.getByLabel(/Password|비밀번호/).fill("correct-horse-battery");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/mail/inbox");
}

async function shoot(page, name) {
  if (shots) await page.screenshot({ path: `${shots}/${scenario}-${name}.png` });
}

const row = (page, text) => page.getByRole("row").filter({ hasText: text });
const place = (page, name) => page.locator(".sidebar").getByRole("link", { name });
const gone = (locator) => locator.waitFor({ state: "detached" });
const focusOf = (page) => page.evaluate(() => document.activeElement?.getAttribute("data-row") ?? document.activeElement?.tagName);

// WCAG 2.2 AA, as far as a program can tell. The frame of a letter has its author's contrast, not ours.
async function accessible(page, what) {
  await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))));
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run({ exclude: [["iframe"]] }, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map((one) => `${what}: ${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`), []);
}

const scenarios = {
  async reading() {
    const page = await begin();
    await signIn(page);
    await row(page, "Plan for the bridge").waitFor();
    assert.match(await page.title(), /^\(\d+\) Inbox/);
    await accessible(page, "list");
    await row(page, "Plan for the bridge").click();
    await page.getByText("Then it is settled").last().waitFor();
    assert.equal(await page.locator(".message").count(), 3);
    await shoot(page, "conversation");
    await page.locator(".row.open:not(.unread)").waitFor();
    await accessible(page, "conversation");
    // What is behind: the whole list can be reached though few rows are in the page.
    assert.ok((await page.locator(".row").count()) < 40);
    await page.locator(".list .scroller").evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await page.getByText("Night build 1", { exact: true }).waitFor();
    await page.goBack();
    await page.getByText("Choose a conversation").waitFor();

    await page.goto(url + "/mail/inbox");
    await row(page, "회의록").click();
    await page.getByRole("link", { name: /예산안.csv/ }).waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /예산안.csv/ }).click()]);
    assert.equal(file.suggestedFilename(), "예산안.csv");
    assert.match(readFileSync(await file.path(), "utf8"), /종이,1000/);
    assert.deepEqual(page.faults, []);
    assert.deepEqual(page.elsewhere, []);
  },

  async html() {
    const page = await begin();
    await signIn(page);
    await row(page, "Autumn at the museum").click();
    const letter = page.frameLocator(".letter iframe");
    await letter.getByText("Three new rooms").waitFor();
    await letter.locator("img[alt='Our logo'][src^='blob:']").waitFor(); // it came with the letter
    assert.equal(await letter.locator("img[src*='track.example']").count(), 0);
    await page.getByText("Pictures from elsewhere are not loaded").waitFor();
    await letter.getByRole("link", { name: "See what is in them" }).hover();
    await page.locator(".target").filter({ hasText: "https://museum.example/rooms" }).waitFor();
    await letter.getByRole("link", { name: "www.mybank.example" }).click();
    await page.getByText("This link says www.mybank.example, but leads to https://evil.example/login").waitFor();
    await shoot(page, "letter");
    // The server asks for them, not the browser; here there is no such host.
    const asked = page.waitForResponse((answer) => answer.url().startsWith(url + "/mail/image?url=https%3A%2F%2Ftrack.example"));
    await page.getByRole("button", { name: "Show pictures" }).click();
    assert.equal((await asked).status(), 502);
    await page.getByText("Some pictures could not be loaded.").waitFor();
    assert.deepEqual(page.elsewhere, []);
    assert.deepEqual(page.faults, []);
  },

  async hostile() {
    const page = await begin();
    const marks = [];
    await page.exposeFunction("MARK", () => marks.push("run")); // in every frame
    page.on("dialog", (dialog) => { marks.push("dialog"); void dialog.dismiss(); });
    await signIn(page);
    const count = Number(process.env.HOSTILE);
    await page.goto(url + "/mail/search?q=" + encodeURIComponent("from:mallory in:anywhere"));
    await row(page, "Mallory").click();
    await page.waitForFunction((wanted) => document.querySelectorAll(".letter iframe").length === wanted, count, { timeout: 30_000 });
    const frames = page.frames().filter((frame) => frame !== page.mainFrame());
    assert.equal(frames.length, count); // none made by a letter
    const seen = new Set();
    for (const frame of frames) {
      await frame.getByText(/^Letter \d+$/).waitFor({ timeout: 30_000 });
      const found = await frame.evaluate(() => {
        for (const link of document.querySelectorAll("a[href]")) link.click();
        const bad = document.body.querySelectorAll("script, svg, math, form, input, iframe, object, embed, meta, base, link, template, video, audio");
        return { letter: document.body.textContent.match(/Letter (\d+)/)[1], bad: [...bad].map((one) => one.outerHTML), origin: window.origin };
      });
      assert.deepEqual([found.bad, found.origin], [[], "null"], `letter ${found.letter}`);
      seen.add(found.letter);
    }
    assert.equal(seen.size, count);
    await page.waitForTimeout(500);
    await shoot(page, "all");
    // Nothing of it lies over our page.
    const reader = await page.locator(".reader").boundingBox();
    for (const letter of await page.locator(".letter iframe").all()) {
      const box = await letter.boundingBox();
      assert.ok(box.x >= reader.x && box.x + box.width <= reader.x + reader.width);
    }
    assert.equal(page.url().startsWith(url), true);
    assert.deepEqual(marks, []);
    assert.deepEqual(page.elsewhere.filter((asked) => asked !== "https://evil.example/"), []); // which is a link that was clicked
    assert.deepEqual(page.faults, []);
  },

  async keyboard() {
    const page = await begin();
    await signIn(page);
    await row(page, "Lunch").waitFor();
    await page.keyboard.press("j");
    assert.equal(await focusOf(page), "1");
    await page.keyboard.press("k");
    await page.keyboard.press("s");
    await row(page, "Lunch").getByRole("button", { name: "Remove star" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.waitForURL("**/mail/starred");
    await row(page, "Lunch").waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("At noon, as always?").last().waitFor();
    await page.keyboard.press("u");
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await page.waitForURL("**/mail/inbox");

    await row(page, "Lunch").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("e");
    await gone(row(page, "Lunch"));
    await page.keyboard.press("z");
    await row(page, "Lunch").waitFor();

    await page.keyboard.press("x");
    await page.getByText("1 selected").waitFor();
    await page.keyboard.press("l");
    await page.getByLabel("New label").last().fill("Friends");
    await page.keyboard.press("Enter");
    await place(page, "Friends").waitFor();
    await row(page, "Lunch").locator(".tag").filter({ hasText: "Friends" }).waitFor();
    await page.keyboard.press("Escape");

    await page.keyboard.press("Shift+?");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    await accessible(page, "help");
    await shoot(page, "help");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("from:carol subject:bridge");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/mail/search?q=*");
    await page.getByText("1 conversation", { exact: true }).waitFor();
    await page.locator(".subject mark").filter({ hasText: "bridge" }).waitFor();
    await accessible(page, "search");
    await shoot(page, "search");
    assert.deepEqual(page.faults, []);
  },

  async bulk() {
    const page = await begin();
    await signIn(page);
    await page.goto(url + "/mail/search?q=" + encodeURIComponent("from:robot night"));
    await page.getByText("70 conversations").waitFor();
    await page.locator(".row[data-row='0'] .pick").click();
    await page.locator(".row[data-row='4'] .pick").click({ modifiers: ["Shift"] });
    await page.getByText("5 selected").waitFor();
    await page.getByRole("toolbar", { name: "Messages" }).getByRole("button", { name: "Delete" }).click();
    await page.getByText("5 conversations moved to the trash.").waitFor();
    await page.getByText("65 conversations").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("70 conversations").waitFor();
    assert.deepEqual(page.faults, []);
  },

  async writing() {
    const page = await begin();
    await signIn(page);
    await row(page, "Plan for the bridge").waitFor();
    await page.keyboard.press("c");
    const sheet = page.getByRole("dialog", { name: "New message" });
    await sheet.waitFor();
    await page.keyboard.type("dave");
    await page.getByRole("option", { name: /dave@example.net/ }).waitFor();
    await page.keyboard.press("Escape"); // the offer, not the sheet
    await page.getByRole("combobox", { name: "To" }).fill("bob@example.com, ");
    await page.getByLabel("Subject").fill("Menu for Friday");
    await page.getByLabel("Message", { exact: true }).click();
    await page.keyboard.type("Dear Bob, the menu is attached.");
    await page.getByText("Draft saved").waitFor();
    await accessible(page, "compose");
    await shoot(page, "compose");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("You wrote of an attachment, but nothing is attached.").waitFor();
    await page.getByRole("button", { name: "Go back" }).click();
    await page.locator(".compose-sheet input[type=file]").setInputFiles({ name: "menu.txt", mimeType: "text/plain", buffer: Buffer.from("Soup") });
    await page.locator(".compose-files li").filter({ hasText: "menu.txt" }).waitFor();
    await gone(page.locator("progress"));
    await page.keyboard.press("Control+Enter");
    await page.getByText("Message sent.").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("dialog", { name: "Menu for Friday" }).waitFor(); // it is a draft again
    await page.locator(".compose-files li").filter({ hasText: "menu.txt" }).waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("Message sent.").waitFor();
    await gone(page.locator(".compose-sheet"));
    await place(page, "Sent").click();
    await row(page, "Menu for Friday").waitFor();
    await place(page, "Drafts").click();
    await page.getByText("Nothing here").waitFor();

    // An answer, with the keyboard alone.
    await page.goto(url + "/mail/search?q=" + encodeURIComponent("subject:bridge"));
    await row(page, "bridge").click();
    await page.getByText("Then it is settled").last().waitFor();
    await page.keyboard.press("a");
    await page.getByRole("dialog", { name: "Re: Plan for the bridge" }).waitFor();
    assert.match(await page.getByRole("combobox", { name: "To" }).inputValue(), /carol@example.net/);
    assert.match(await page.getByRole("combobox", { name: "Cc", exact: true }).inputValue(), /dave@example.net/);
    await page.waitForTimeout(100);
    await page.keyboard.type("See you then.");
    await shoot(page, "answer");
    await page.keyboard.press("Escape");
    await gone(page.locator(".compose-sheet"));
    await page.locator(".message .draft").waitFor(); // in the conversation that it answers
    assert.deepEqual(page.faults, []);

    const bob = await begin();
    await signIn(bob, "bob@example.com");
    await row(bob, "Menu for Friday").waitFor({ timeout: 20_000 });
    await row(bob, "Menu for Friday").click();
    await bob.getByRole("link", { name: /menu.txt/ }).waitFor();
    await bob.frameLocator(".letter iframe").getByText("Dear Bob, the menu is attached.").waitFor();
    assert.deepEqual(bob.faults, []);
  },

  // Tells that it waits; somebody delivers a letter then.
  async live() {
    const page = await begin();
    await signIn(page);
    await row(page, "Lunch").waitFor();
    await page.waitForTimeout(300);
    console.log("waiting");
    await row(page, "Just come in").waitFor();
    assert.deepEqual(page.faults, []);
  },

  async phone() {
    const page = await begin({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, locale: "ko-KR", colorScheme: "dark" });
    await signIn(page);
    await row(page, "회의록").waitFor();
    await accessible(page, "phone");
    await shoot(page, "list");
    await page.getByRole("button", { name: "메뉴" }).tap();
    await place(page, "보낸편지함").waitFor();
    await page.waitForTimeout(250);
    await shoot(page, "drawer");
    await place(page, "받은편지함").tap();
    await row(page, "회의록").tap();
    await page.getByText("첨부 파일 2개").waitFor();
    await accessible(page, "phone, conversation");
    await shoot(page, "conversation");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wide, false);
    await page.getByRole("button", { name: "뒤로" }).tap();
    await row(page, "회의록").waitFor();
    assert.deepEqual(page.faults, []);
  },

  async session() {
    const page = await begin();
    const answer = await page.goto(url + "/mail/inbox");
    assert.match(page.url(), /\/login\?next=%2Fmail%2Finbox$/);
    assert.equal(answer.status(), 200);
    await signIn(page);
    await row(page, "Lunch").waitFor();
    await page.goto(url + "/"); // the same for who has signed in
    await row(page, "Lunch").waitFor();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Appearance").selectOption("dark");
    await page.getByLabel("Language").selectOption("ko");
    await place(page, "받은편지함").waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(21, 24, 29)");
    await accessible(page, "settings");
    await page.getByRole("button", { name: "로그아웃" }).click();
    await page.getByText("You are signed out").waitFor();
    await page.goto(url + "/mail/inbox");
    assert.match(page.url(), /\/login/);
    assert.deepEqual(page.faults, []);
  },
};

const started = Date.now();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", `--host-resolver-rules=MAP ${host} 127.0.0.1`] });
try {
  await scenarios[scenario]();
  console.log("ok", Date.now() - started, "ms");
} finally {
  await browser.close();
}
