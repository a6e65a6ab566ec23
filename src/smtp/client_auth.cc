// The client side of AUTH (RFC 4954), for a smarthost.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "smtp/client.h"

namespace pabal::smtp {
namespace {

constexpr minutes kAuthTime{5};
// RFC 7677 §4 asks for 4,096 at least; the count is the server's to choose and ours to pay, on the loop.
constexpr uint64_t kMinIterations = 4'096, kMaxIterations = 100'000;

std::string hmac(std::string_view key, std::string_view data) {
  unsigned char out[32];
  unsigned size = sizeof out;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), out, &size);
  return {reinterpret_cast<char*>(out), size};
}

std::string salted_password(std::string_view password, std::string_view salt, uint64_t iterations) {
  unsigned char out[32];
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                    static_cast<int>(iterations), EVP_sha256(), sizeof out, out);
  return {reinterpret_cast<char*>(out), sizeof out};
}

// RFC 5802 §5.1: commas and equals signs of a name.
std::string scram_name(std::string_view name) {
  std::string out;
  for (const char c : name) out += c == ',' ? "=2C" : c == '=' ? "=3D" : std::string(1, c);
  return out;
}

// "r=...,s=...,i=..."; extensions that come first ("m=") are refused by not being "r".
struct ServerFirst {
  std::string nonce, salt;
  uint64_t iterations = 0;
};
std::optional<ServerFirst> parse_server_first(std::string_view text) {
  const auto fields = text::split(text, ',');
  if (fields.size() < 3 || !fields[0].starts_with("r=") || !fields[1].starts_with("s=") || !fields[2].starts_with("i="))
    return {};
  const auto salt = text::unbase64(fields[1].substr(2));
  const auto iterations = text::parse_u64(fields[2].substr(2));
  if (!salt || !iterations || *iterations < kMinIterations || *iterations > kMaxIterations) return {};
  return ServerFirst{std::string(fields[0].substr(2)), *salt, *iterations};
}

Error refused(const ServerReply& reply) {
  return {reply.code >= 500 ? Code::kDenied : Code::kUnavailable, reply.text()};
}

std::optional<std::string> challenge_of(const ServerReply& reply) {
  return reply.code == 334 && reply.lines.size() == 1 ? text::unbase64(reply.lines[0]) : std::nullopt;
}

}  // namespace

Task<Result<void>> ClientConnection::authenticate(std::string user, std::string password, Random& random) {
  const auto offers = [this](std::string_view name) {
    return std::find(extensions_.auth.begin(), extensions_.auth.end(), name) != extensions_.auth.end();
  };
  const net::TlsInfo* tls = stream_->tls();
  const bool binds = tls && !tls->channel_binding.empty();
  const bool plus = binds && offers("SCRAM-SHA-256-PLUS");
  if (plus || offers("SCRAM-SHA-256")) {
    Task<Result<void>> going = scram(plus, std::move(user), std::move(password), text::base64(random.bytes(15)));
    co_return co_await going;
  }
  if (!tls && !stream_->remote().loopback())
    co_return Error{Code::kUnsupported, "no password is sent in clear, and the relay offers no SCRAM-SHA-256"};
  if (offers("PLAIN")) {  // RFC 4616
    const std::string secret = std::string(1, '\0') + user + std::string(1, '\0') + password;
    Task<Result<ServerReply>> asking = ask("AUTH PLAIN " + text::base64(secret), kAuthTime);
    const Result<ServerReply> reply = co_await asking;
    if (!reply) co_return reply.error();
    if (reply->code != 235) co_return refused(*reply);
    co_return Result<void>();
  }
  if (!offers("LOGIN")) co_return Error{Code::kUnsupported, "the relay offers no AUTH mechanism that is known here"};
  std::vector<std::string> lines;
  lines.emplace_back("AUTH LOGIN");
  lines.push_back(text::base64(user));
  lines.push_back(text::base64(password));
  for (size_t i = 0; i < lines.size(); ++i) {
    Task<Result<ServerReply>> asking = ask(lines[i], kAuthTime);
    const Result<ServerReply> reply = co_await asking;
    if (!reply) co_return reply.error();
    if (reply->code != (i + 1 < lines.size() ? 334 : 235)) co_return refused(*reply);
  }
  co_return Result<void>();
}

// RFC 5802 §3, RFC 7677; the binding of -PLUS is tls-exporter (RFC 9266).
Task<Result<void>> ClientConnection::scram(bool plus, std::string user, std::string password, std::string nonce) {
  const net::TlsInfo* tls = stream_->tls();
  const bool binds = tls && !tls->channel_binding.empty();
  // "y": we could bind, and the server did not offer it. If it did, it sees by this that somebody cut the offer out.
  const std::string gs2 = plus ? "p=tls-exporter,," : binds ? "y,," : "n,,";
  const std::string bound = text::base64(gs2 + (plus ? tls->channel_binding : ""));
  const std::string first = "n=" + scram_name(user) + ",r=" + nonce;
  Task<Result<ServerReply>> beginning =
      ask((plus ? "AUTH SCRAM-SHA-256-PLUS " : "AUTH SCRAM-SHA-256 ") + text::base64(gs2 + first), kAuthTime);
  const Result<ServerReply> begun = co_await beginning;
  if (!begun) co_return begun.error();
  if (begun->code >= 400) co_return refused(*begun);
  const auto challenge = challenge_of(*begun);
  const auto server = challenge ? parse_server_first(*challenge) : std::nullopt;
  if (!server || !server->nonce.starts_with(nonce) || server->nonce.size() == nonce.size()) {
    usable_ = false;
    co_return Error{Code::kDenied, "the server's SCRAM challenge is malformed"};
  }
  const std::string salted = salted_password(password, server->salt, server->iterations);
  const std::string last = "c=" + bound + ",r=" + server->nonce;
  const std::string message = first + "," + *challenge + "," + last;
  std::string proof = hmac(salted, "Client Key");
  const std::string signature = hmac(sha256(proof), message);
  for (size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  Task<Result<ServerReply>> proving = ask(text::base64(last + ",p=" + text::base64(proof)), kAuthTime);
  const Result<ServerReply> proven = co_await proving;
  if (!proven) co_return proven.error();
  if (proven->code >= 400) co_return refused(*proven);
  // The server must know the password too: else we talk to somebody else, whatever it says.
  if (challenge_of(*proven) != "v=" + text::base64(hmac(hmac(salted, "Server Key"), message))) {
    usable_ = false;
    co_return Error{Code::kDenied, "the server does not know the password: it is not the one we mean"};
  }
  Task<Result<ServerReply>> ending = ask("", kAuthTime);
  const Result<ServerReply> ended = co_await ending;
  if (!ended) co_return ended.error();
  if (ended->code != 235) co_return refused(*ended);
  co_return Result<void>();
}

}  // namespace pabal::smtp
