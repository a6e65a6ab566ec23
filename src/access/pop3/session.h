// One POP3 session: AUTHORIZATION, TRANSACTION and UPDATE (RFC 1939 §3), one command at a time.
//
// session.cc: the driver, the table of commands, and small ones. login.cc: STLS, USER, PASS, AUTH. maildrop.cc: opening
// the maildrop and commands about its messages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/pop3/command.h"
#include "access/pop3/pop3.h"
#include "access/pop3/stuffing.h"

namespace pabal::access::pop3 {

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, Options options, Services& services);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Task<void> run();

 private:
  enum class State { kAuthorization, kTransaction, kOver };
  struct Request {
    std::string text;             // of commands that take text
    std::vector<size_t> numbers;  // of those that take numbers
  };
  using Handler = Task<void> (Session::*)(Request request);
  struct Entry;
  static const Entry kCommands[];

  struct Item {  // one message of the maildrop
    mailbox::Uid uid = 0;
    mailbox::MessageId message = 0;
    uint64_t size = 0;
    bool deleted = false;
    bool traced = false;
  };
  struct Maildrop {
    mailbox::MailboxId box = 0;
    uint32_t uid_validity = 0;
    std::vector<Item> items;  // message n is items[n - 1]
  };
  struct Letter {
    mailbox::Details details;
    std::shared_ptr<const std::string> body;
  };

  // --- session.cc ---
  Task<bool> fill();                        // reads some octets; false: the connection is over
  Task<bool> flush();                       // writes what is gathered; false: likewise
  Task<bool> put(std::string_view octets);  // gathers, or writes at once what is large
  Task<bool> write(std::string_view octets);
  Task<void> command(std::string line);
  void ok(std::string_view text);
  void err(std::string_view text);
  void err(const Error& error);    // with a code that says whether to try again (RFC 3206)
  void bad(std::string_view why);  // err for what is no command; too many end the session
  Task<void> capa(Request request);
  Task<void> noop(Request request);
  Task<void> lang(Request request);
  Task<void> utf8(Request request);
  Task<void> quit(Request request);

  // --- login.cc ---
  bool may_login() const;
  std::string sasl_mechanisms() const;
  Task<std::optional<std::string>> client_line();
  Task<void> entered(identity::Account account);
  void refused(const Error& error);
  Task<void> stls(Request request);
  Task<void> user(Request request);
  Task<void> pass(Request request);
  Task<void> auth(Request request);

  // --- maildrop.cc ---
  static Result<Maildrop> read_maildrop(const mailbox::Mailboxes& boxes, store::Store& store,
                                        mailbox::AccountId account);
  Task<Result<void>> open_maildrop();
  Task<Result<void>> remove_deleted();
  Item* item(size_t number);  // null: it has been answered
  std::string totals() const;
  Task<void> stat(Request request);
  Task<void> list(Request request);
  Task<void> uidl(Request request);
  Task<void> list_with(Request request, std::string (*describe)(const Maildrop&, const Item&));
  Task<void> retr(Request request);
  Task<void> top(Request request);
  Task<void> dele(Request request);
  Task<void> rset(Request request);
  Task<void> give(size_t number, std::optional<size_t> lines);
  Task<Result<Letter>> read_letter(Item wanted);  // kNotFound: removed since the login
  Task<bool> put_stuffed(Stuffing* stuffing, std::string_view octets);
  void trace_reading(Item& read, const mailbox::Details& details);

  std::unique_ptr<net::Stream> stream_;
  net::Loop& loop_;
  Options options_;
  Services& services_;
  State state_ = State::kAuthorization;
  const Time began_;
  LineReader reader_;
  std::string out_;
  std::optional<std::string> user_;  // that USER named
  size_t bad_ = 0, failed_logins_ = 0;
  bool utf8_ = false;  // RFC 6856
  std::optional<identity::Account> account_;
  std::unique_ptr<Locks::Lock> lock_;
  Maildrop maildrop_;
  size_t traced_ = 0;
};

}  // namespace pabal::access::pop3
