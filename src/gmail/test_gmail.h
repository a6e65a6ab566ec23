// For the tests of this room: the API over a real store and directory, called without sockets; the MSA is scripted.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "api/json.h"
#include "gmail/gmail.h"
#include "gmail/ids.h"
#include "net/sim.h"
#include "store/faulty.h"
#include "store/rocksdb_store.h"
#include "web/target.h"

namespace pabal::gmail {

// Takes letters, and files nothing but what `also` does.
class ScriptedOutgoing final : public mailbox::Outgoing {
 public:
  ScriptedOutgoing(store::Store& store, mailbox::Mailboxes& boxes) : store_(store), boxes_(boxes) {}

  Task<Result<std::string>> send(net::Loop& loop, Letter letter) override {
    if (letter.content.find("To:") == std::string::npos) co_return Error{Code::kInvalid, "nobody would get it"};
    Ready ready;
    ready.id = "1";
    ready.prepared = mailbox::prepare(letter.content);
    ready.body = boxes_.new_body_id();
    const std::function<void(std::function<void(Result<void>)>)> start =
        [this, ready, also = letter.also](std::function<void(Result<void>)> done) {
          store_.transact(
              [this, ready, also](store::Transaction& t) -> Result<void> {
                if (const auto put = boxes_.put_body(t, ready.body, *ready.prepared); !put) return put;
                if (const auto held = boxes_.hold_body(t, ready.body); !held) return held;
                return also(t, ready);
              },
              std::move(done));
        };
    Task<Result<void>> committing = net::from_callback<Result<void>>(loop, start);
    const Result<void> done = co_await committing;
    if (!done) co_return done.error();
    sent.push_back(std::move(letter));
    co_return "1";
  }
  Result<State> state(const store::Reader&, std::string_view) const override { return State{}; }
  std::vector<std::string> unreachable(const std::vector<Recipient>&) const override { return {}; }
  Result<std::vector<Delivery>> deliveries(const store::Reader&, std::string_view) const override {
    return std::vector<Delivery>();
  }
  Result<void> cancel(store::Transaction&, std::string_view) override { return {}; }

  std::vector<Letter> sent;

 private:
  store::Store& store_;
  mailbox::Mailboxes& boxes_;
};

struct Answer {
  int status = 0;
  std::string text;
  api::json::value body{nullptr};
  std::string challenge;

  const api::json::value& at(std::string_view pointer) const {
    api::json::error_code failed;
    const auto* found = body.find_pointer(pointer, failed);
    static const api::json::value nothing(nullptr);
    return found ? *found : nothing;
  }
  std::string str(std::string_view pointer) const {
    const auto& found = at(pointer);
    return found.is_string() ? std::string(found.get_string()) : api::to_text(found);
  }
  size_t count(std::string_view pointer) const {
    const auto* array = at(pointer).if_array();
    return array ? array->size() : 0;
  }
  // The strings of an array, sorted.
  std::vector<std::string> strings(std::string_view pointer) const {
    std::vector<std::string> out;
    if (const auto* array = at(pointer).if_array())
      for (const auto& one : *array)
        out.emplace_back(one.is_string() ? std::string(one.get_string()) : api::to_text(one));
    std::sort(out.begin(), out.end());
    return out;
  }
  std::string reason() const { return str("/error/errors/0/reason"); }
};

class GmailTest : public testing::Test {
 protected:
  static constexpr std::string_view kAlice = "alice@example.com";

  GmailTest() {
    auto opened = store::open_rocksdb({.path = "/store", .env = disk.env()}, loop);
    EXPECT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    boxes = std::make_unique<mailbox::Mailboxes>(*store, loop);
    directory = std::make_unique<identity::Directory>(*store, loop, random);
    write([&](store::Transaction& t) {
      identity::Domain domain;
      domain.name = "example.com";
      return directory->add_domain(t, domain);
    });
    login = std::make_unique<identity::Login>(*directory, *pool, guard, random);
    callers = std::make_unique<api::Callers>(*login, "mail.example.com");
    outgoing = std::make_unique<ScriptedOutgoing>(*store, *boxes);
    services = std::make_unique<Services>(Services{*store, *boxes, *directory, *callers, *pool, loop, random,
                                                   "mail.example.com", 1 << 20, outgoing.get(), &outlets});
    add_routes(router, *services);
    alice = add_account(std::string(kAlice));
    token = make_token(alice, {std::string(identity::kMailRead), std::string(identity::kMailSend)});
  }

  void write(const store::Work& work) {
    const auto done = store->transact_and_wait(work);
    EXPECT_TRUE(done) << done.error().message;
  }
  identity::AccountId add_account(const std::string& name) {
    identity::Account account;
    account.name = name;
    write([&](store::Transaction& t) -> Result<void> {
      const auto added = directory->add_account(t, account, {});
      if (!added) return added.error();
      account = *added;
      return boxes->create_account(t, account.id, 0);
    });
    return account.id;
  }
  std::string make_token(identity::AccountId account, std::vector<std::string> scopes) {
    const std::string secret = directory->make_token(account);
    write([&](store::Transaction& t) -> Result<void> {
      identity::Token about;
      about.scopes = scopes;
      about.expires = loop.now() + days(1);
      const auto issued = directory->issue_token(t, account, secret, about);
      return issued ? Result<void>() : issued.error();
    });
    return secret;
  }

  // `target` behind "/gmail/v1/users/".
  Answer ask(const std::string& method, const std::string& target, const std::string& body = "") {
    web::Request request;
    request.method = method;
    request.target = "/gmail/v1/users/" + target;
    auto parts = web::parse_target(request.target);
    EXPECT_TRUE(parts) << request.target;
    if (!parts) return {};
    request.path = parts->path;
    request.segments = parts->segments;
    request.query = parts->query;
    request.headers.add("Authorization", "Bearer " + token);
    request.client = {"203.0.113.5", 999};
    request.loop = &loop;
    request.body = body;
    std::optional<web::Response> response;
    loop.spawn(run(this, std::move(request), &response));
    EXPECT_TRUE(loop.run_until([&] { return response.has_value(); }, minutes(10)));
    Answer out;
    out.status = response->status;
    out.text = response->body;
    if (const auto* challenge = response->headers.get("WWW-Authenticate")) out.challenge = *challenge;
    if (!out.text.empty()) {
      auto parsed = api::parse_json(out.text);
      EXPECT_TRUE(parsed) << out.text;
      if (parsed) out.body = std::move(*parsed);
    }
    return out;
  }
  Answer get(const std::string& target) { return ask("GET", "me/" + target); }
  Answer post(const std::string& target, const std::string& body = "") { return ask("POST", "me/" + target, body); }

  static std::string letter(const std::string& subject, const std::string& more = "",
                            const std::string& text = "Dinner at eight?\r\n") {
    return "From: Bob <bob@example.net>\r\nTo: alice@example.com\r\nSubject: " + subject +
           "\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n" + more + "\r\n" + text;
  }
  static std::string raw(const std::string& bytes) { return "\"raw\":\"" + octets_text(bytes) + "\""; }
  // Inserts a message with labels; gives its id.
  std::string insert(const std::string& bytes, const std::string& labels = R"(["INBOX","UNREAD"])") {
    const Answer made = post("messages", "{" + raw(bytes) + ",\"labelIds\":" + labels + "}");
    EXPECT_EQ(made.status, 200) << made.text;
    return made.str("/id");
  }
  std::vector<std::string> labels_of(const std::string& id) {
    return get("messages/" + id + "?format=minimal").strings("/labelIds");
  }
  mailbox::Message message(const std::string& id) {
    const auto found = boxes->message(*store, alice, *parse_id(id));
    EXPECT_TRUE(found && *found);
    return found && *found ? **found : mailbox::Message{};
  }
  mailbox::MailboxId box(mailbox::Role role) {
    const auto found = boxes->by_role(*store, alice, role);
    return found && *found ? (*found)->id : 0;
  }

  net::SimLoop loop;
  store::FaultyDisk disk;  // in memory
  SeededRandom random{7};
  push::Outlets outlets{loop, random};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<mailbox::Mailboxes> boxes;
  std::unique_ptr<identity::Directory> directory;
  std::unique_ptr<net::Pool> pool = net::make_pool(2, 100);
  identity::LoginGuard guard{loop};
  std::unique_ptr<identity::Login> login;
  std::unique_ptr<api::Callers> callers;
  std::unique_ptr<ScriptedOutgoing> outgoing;
  std::unique_ptr<Services> services;
  web::Router router;
  identity::AccountId alice = 0;
  std::string token;

 private:
  static Task<void> run(GmailTest* self, web::Request request, std::optional<web::Response>* response) {
    Task<web::Response> handling = self->router.handle(std::move(request));
    *response = co_await handling;
  }
};

}  // namespace pabal::gmail
