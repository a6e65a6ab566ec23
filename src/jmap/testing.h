// For tests of this room: a store in memory with alice and bob, and requests as they make them.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "base/id.h"
#include "base/text.h"
#include "identity/login.h"
#include "jmap/jmap.h"
#include "net/sim.h"
#include "store/faulty.h"
#include "store/rocksdb_store.h"

namespace pabal::jmap::testing {

inline std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) (out += c == '\n' ? "\r" : "") += c;
  return out;
}

inline json::value parse(std::string_view text) {
  auto parsed = api::parse_json(text);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message) << "\n" << text;
  return parsed ? std::move(*parsed) : json::value();
}

// An MSA that keeps what it is given. Names say what becomes of the letters.
class Letters final : public mailbox::Outgoing {
 public:
  explicit Letters(const Clock& clock) : clock_(clock) {}
  store::Store* store = nullptr;
  std::vector<Letter> sent;
  std::map<std::string, State, std::less<>> states;
  std::map<std::string, std::vector<Delivery>, std::less<>> fates;

  Task<Result<std::string>> send(net::Loop& loop, Letter letter) override {
    static_cast<void>(loop);
    if (letter.content.find("Subject: refuse") != std::string::npos) co_return Error{Code::kInvalid, "no"};
    Ready ready;
    ready.id = id_text(sent.size() + 1);
    ready.prepared = mailbox::prepare(letter.content);
    ready.release = letter.release.value_or(clock_.now());
    states[ready.id].waits = ready.release > clock_.now();
    if (letter.also) {
      const auto also = letter.also;
      const auto done = store->transact_and_wait([&](store::Transaction& t) { return also(t, ready); });
      if (!done) co_return done.error();
    }
    sent.push_back(std::move(letter));
    co_return ready.id;
  }
  std::vector<std::string> unreachable(const std::vector<Recipient>& recipients) const override {
    std::vector<std::string> out;
    for (const Recipient& one : recipients)
      if (one.address.starts_with("nobody@")) out.push_back(one.address);
    return out;
  }
  Result<State> state(const store::Reader&, std::string_view id) const override { return states.find(id)->second; }
  Result<std::vector<Delivery>> deliveries(const store::Reader&, std::string_view id) const override {
    const auto found = fates.find(id);
    return found == fates.end() ? std::vector<Delivery>() : found->second;
  }
  Result<void> cancel(store::Transaction&, std::string_view id) override {
    State& state = states.find(id)->second;
    if (!state.waits) return {Code::kConflict, "it is too late"};
    state = {false, true};
    return {};
  }

 private:
  const Clock& clock_;
};

class World {
 public:
  World() {
    auto opened = store::open_rocksdb({.path = "/store", .env = disk.env()}, clock);
    PABAL_CHECK(opened.ok());
    store = std::move(*opened);
    mailboxes = std::make_unique<mailbox::Mailboxes>(*store, clock);
    overviews_ = std::make_unique<mailbox::Overviews>(*mailboxes);
    directory = std::make_unique<identity::Directory>(*store, clock, random);
    login_ = std::make_unique<identity::Login>(*directory, *pool_, guard_, random);
    callers_ = std::make_unique<api::Callers>(*login_, "mail.example.com");
    change([&](store::Transaction& t) {
      identity::Domain domain;
      domain.name = "example.com";
      return directory->add_domain(t, domain);
    });
    alice = add_account("alice@example.com");
    bob = add_account("bob@example.com");
    hub_ = std::make_unique<push::Hub>(*store, *mailboxes);
    jmap = std::make_unique<Jmap>(
        Services{*store, *mailboxes, *directory, *callers_, *pool_, random, clock, *overviews_, letters, scripts,
                 "mail.example.com", 50'000'000, *hub_, outlets, "the key",
                 [this](mailbox::AccountId, uint64_t grant) { return Result<bool>(grants.contains(grant)); }});
    jmap->add_to(router);
    letters.store = store.get();
  }
  ~World() { pool_.reset(); }

  mailbox::AccountId add_account(const std::string& name) {
    mailbox::AccountId id = 0;
    change([&](store::Transaction& t) -> Result<void> {
      identity::Account account;
      account.name = name;
      const auto added = directory->add_account(t, account, {});
      if (!added) return added.error();
      id = added->id;
      return mailboxes->create_account(t, id, 0);
    });
    return id;
  }
  void change(const store::Work& work) {
    const auto done = store->transact_and_wait(work);
    PABAL_CHECK(done.ok());
  }
  mailbox::Filed deliver(mailbox::AccountId account, const std::string& text, mailbox::Filing filing = {}) {
    const auto prepared = mailbox::prepare(crlf(text));
    mailbox::Filed out;
    change([&](store::Transaction& t) -> Result<void> {
      const mailbox::BodyId body = mailboxes->new_body_id();
      if (const auto put = mailboxes->put_body(t, body, *prepared); !put) return put;
      auto filed = mailboxes->file(t, account, *prepared, body, filing);
      if (!filed) return filed.error();
      out = *filed;
      return {};
    });
    return out;
  }
  std::string token(mailbox::AccountId account, std::vector<std::string> covered = {"mail.read", "mail.send"}) {
    const std::string secret = directory->make_token(account);
    change([&](store::Transaction& t) -> Result<void> {
      identity::Token token;
      token.scopes = covered;
      token.expires = clock.now() + days(1);
      const auto issued = directory->issue_token(t, account, secret, token);
      return issued ? Result<void>() : issued.error();
    });
    return secret;
  }
  api::Caller caller(mailbox::AccountId account, std::vector<std::string> covered = {"mail.read", "mail.send"}) {
    api::Caller out;
    out.account = **directory->account(*store, account);
    out.token.account = account;
    out.token.scopes = std::move(covered);
    return out;
  }

  // One request object as it stands.
  Jmap::Reply process(mailbox::AccountId who, std::string text) {
    std::optional<Jmap::Reply> reply;
    loop.spawn(run(this, caller(who, scopes), std::move(text), &reply));
    loop.run_until([&] { return reply.has_value(); }, hours(1));
    PABAL_CHECK(reply.has_value());
    return std::move(*reply);
  }
  // The answers to calls: "[\"Core/echo\",{},\"0\"]".
  json::array calls(mailbox::AccountId who, const std::string& calls) {
    std::string use;
    for (const auto& [name, capability] : jmap->methods().capabilities())
      use += (use.empty() ? "\"" : ",\"") + name + "\"";
    const Jmap::Reply reply = process(who, "{\"using\":[" + use + "],\"methodCalls\":[" + calls + "]}");
    EXPECT_EQ(reply.status, 200) << api::to_text(reply.body);
    const json::value* out = reply.body.if_contains("methodResponses");
    return out ? out->as_array() : json::array();
  }
  // The arguments of the answer to one call; an error has its "type".
  json::object call(mailbox::AccountId who, const std::string& method, std::string arguments) {
    if (arguments.find("\"accountId\"") == arguments.npos)
      arguments.insert(1, "\"accountId\":\"" + account_id(who) + "\"" + (arguments == "{}" ? "" : ","));
    const json::array answers = calls(who, "[\"" + method + "\"," + arguments + ",\"0\"]");
    if (answers.empty()) return {};
    last = answers;
    return answers[0].as_array()[1].as_object();
  }
  // An HTTP request to the routes.
  web::Response http(const std::string& method, const std::string& path, const std::string& body = "",
                     const std::string& bearer = "", const std::string& type = "application/json");

  ManualClock clock;
  SeededRandom random{1};
  store::FaultyDisk disk;  // outlives the store
  net::SimLoop loop;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<mailbox::Mailboxes> mailboxes;
  std::unique_ptr<identity::Directory> directory;
  std::unique_ptr<Jmap> jmap;
  web::Router router;
  mailbox::AccountId alice = 0, bob = 0;
  Letters letters{clock};
  sieve::Scripts scripts{clock};
  push::Outlets outlets{clock, random};
  json::array last;                                           // all answers of the last call()
  std::vector<std::string> scopes{"mail.read", "mail.send"};  // of who makes the calls
  std::set<uint64_t> grants;                                  // of everybody

 private:
  static Task<void> run(World* self, api::Caller caller, std::string text, std::optional<Jmap::Reply>* reply) {
    Task<Jmap::Reply> processing =
        self->jmap->process(self->loop, std::move(caller), std::move(text), "JMAP from test");
    *reply = co_await processing;
  }
  static Task<void> run_http(World* self, web::Request request, std::optional<web::Response>* response) {
    Task<web::Response> handling = self->router.handle(std::move(request));
    *response = co_await handling;
  }

  std::unique_ptr<net::Pool> pool_ = net::make_pool(2, 100);
  std::unique_ptr<mailbox::Overviews> overviews_;
  identity::LoginGuard guard_{clock};
  std::unique_ptr<identity::Login> login_;
  std::unique_ptr<api::Callers> callers_;
  std::unique_ptr<push::Hub> hub_;
};

// A body that comes in two pieces.
class Pieces final : public web::BodyReader {
 public:
  explicit Pieces(std::string octets) : left_(std::move(octets)) {}
  Task<Result<std::string>> next() override {
    const size_t half = (left_.size() + 1) / 2;
    std::string out = left_.substr(0, half);
    left_.erase(0, half);
    co_return out;
  }

 private:
  std::string left_;
};

inline web::Response World::http(const std::string& method, const std::string& path, const std::string& body,
                                 const std::string& bearer, const std::string& type) {
  web::Request request;
  request.method = method;
  request.target = path;
  request.path = path.substr(0, path.find('?'));
  for (const std::string_view part : text::split(std::string_view(request.path).substr(1), '/'))
    request.segments.emplace_back(part);
  if (const size_t at = path.find("accept="); at != path.npos)
    request.query.emplace_back("accept", path.substr(at + 7));
  request.scheme = "https";
  request.host = "mail.example.com";
  request.loop = &loop;
  request.headers.add("Content-Type", type);
  if (!bearer.empty()) request.headers.add("Authorization", "Bearer " + bearer);
  request.stream = std::make_shared<Pieces>(body);
  std::optional<web::Response> response;
  loop.spawn(run_http(this, std::move(request), &response));
  loop.run_until([&] { return response.has_value(); }, hours(1));
  PABAL_CHECK(response.has_value());
  return std::move(*response);
}

}  // namespace pabal::jmap::testing
