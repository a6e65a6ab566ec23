// One ManageSieve session: a table of commands and a driver. Scripts are compiled on the pool, stored by a transaction.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/managesieve/managesieve.h"
#include "access/managesieve/reader.h"

namespace pabal::access::managesieve {

constexpr minutes kIdleTime{30};  // RFC 5804 has no bound; as IMAP's
constexpr minutes kLoginTime{2};  // between commands before login
constexpr minutes kWriteTime{5};  // for the client to take what is written
constexpr seconds kTlsTime{30};
constexpr size_t kMaxBad = 20;                   // faults in a row, then BYE
constexpr size_t kMaxFailedLogins = 3;           // then BYE
constexpr size_t kMaxLine = 8 << 10;             // octets of a command beside its literals
constexpr size_t kMaxLiteralBeforeLogin = 8192;  // octets: answers of SASL
constexpr size_t kCompileHere = 16 << 10;        // octets: larger scripts are compiled on the pool
constexpr size_t kFlushAt = 64 << 10;            // octets of answers gathered before they are written

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, Options options, Services& services);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Task<void> run();

 private:
  using Words = std::vector<Word>;
  using Handler = Task<void> (Session::*)(Words words);
  struct Command;
  static const Command kCommands[];

  Task<bool> fill(Duration patience);  // reads some octets; false: the connection is over
  Task<bool> flush();                  // writes what is gathered; false: likewise
  Task<void> command();
  void answer(std::string_view kind, std::string_view code, std::string_view text);
  void ok(std::string_view text = "", std::string_view code = "") { answer("OK", code, text); }
  void no(std::string_view text, std::string_view code = "") { answer("NO", code, text); }
  void no(const Error& error);
  void bye(std::string_view text, std::string_view code = "");  // the session ends after this
  void bad(std::string_view text);                              // a fault of the client's program
  Task<Result<void>> commit(store::Work work);
  Task<Result<sieve::Compiled>> compiled(std::shared_ptr<const std::string> script);
  void ok_with(const std::vector<sieve::Fault>& warnings);
  bool has_room(const std::string& name, uint64_t octets);
  void limit_reader();
  bool may_login() const;
  void say_capabilities();

  Task<void> capability(Words words);
  Task<void> logout(Words words);
  Task<void> noop(Words words);
  Task<void> start_tls(Words words);
  Task<void> authenticate(Words words);
  Task<void> unauthenticate(Words words);
  Task<void> have_space(Words words);
  Task<void> put_script(Words words);
  Task<void> check_script(Words words);
  Task<void> list_scripts(Words words);
  Task<void> set_active(Words words);
  Task<void> get_script(Words words);
  Task<void> delete_script(Words words);
  Task<void> rename_script(Words words);
  Task<std::optional<std::string>> client_answer();

  std::unique_ptr<net::Stream> stream_;
  net::Loop& loop_;
  Options options_;
  Services& services_;
  Reader reader_;
  std::string out_;
  bool over_ = false;
  size_t bad_ = 0, failed_logins_ = 0;
  std::optional<identity::Account> account_;
};

}  // namespace pabal::access::managesieve
