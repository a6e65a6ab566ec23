#include "trust/sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>

#include "base/text.h"
#include "trust/arc_chain.h"
#include "trust/canonical.h"
#include "trust/header_index.h"
#include "trust/signature_field.h"

namespace pabal::trust {
namespace {

constexpr std::string_view kOversigned[] = {"From",       "To",           "Cc",           "Subject",
                                            "Date",       "Message-ID",   "Reply-To",     "In-Reply-To",
                                            "References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"};
constexpr size_t kLine = 76;  // octets of a line before it is folded

// One header field, folded as it grows.
class FieldWriter {
 public:
  explicit FieldWriter(std::string_view start) : out_(start), column_(start.size()) {}
  // A piece that is not cut; a blank or, at the line's end, a fold goes before it.
  FieldWriter& word(std::string_view piece) { return put(piece, " "); }
  // One that goes on from the last, folded if it must.
  FieldWriter& more(std::string_view piece) { return put(piece, ""); }
  // On a line of its own.
  FieldWriter& line(std::string_view piece) {
    column_ = kLine;
    return put(piece, "");
  }
  const std::string& text() const { return out_; }

 private:
  FieldWriter& put(std::string_view piece, std::string_view between) {
    if (column_ + between.size() + piece.size() > kLine) {
      out_ += "\r\n\t";
      column_ = 8;
    } else {
      out_ += between;
      column_ += between.size();
    }
    out_ += piece;
    column_ += piece.size();
    return *this;
  }
  std::string out_;
  size_t column_;
};

// A field name may hold ";" (RFC 5322 §3.6.8), a list of them in h= may not (RFC 6376 §2.10).
bool is_plain(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return text::is_alnum(c) || c == '-' || c == '_'; });
}

// h= for a message, by name: views into the table above and the message.
std::vector<std::string_view> names_to_sign(const HeaderIndex& header, bool arc) {
  std::vector<std::string_view> names;
  for (const std::string_view name : kOversigned) names.insert(names.end(), header.named(name).size() + 1, name);
  for (const message::HeaderField& field : header.fields())
    // RFC 8617 §4.1.2 wants signatures that are there already in the list.
    if ((text::istarts_with(field.name, "List-") && is_plain(field.name)) || text::iequals(field.name, "Sender") ||
        (arc && text::iequals(field.name, "DKIM-Signature")))
      names.push_back(field.name);
  return names;
}

// What all signatures of one message share.
struct Signable {
  HeaderIndex header;
  std::vector<std::string_view> names;
  std::string signed_fields;  // in canonical form
  std::string body_hash;      // base64
};

Result<Signable> prepare(std::string_view message, bool arc) {
  Signable out{HeaderIndex(message), {}, {}, {}};
  out.names = names_to_sign(out.header, arc);
  if (out.names.size() > kMaxSignedFields || !out.header.whole())
    return Error{Code::kLimit, "the message has too many header fields that would have to be signed"};
  for (const size_t at : out.header.choose(out.names, out.header.fields().size()))
    append_canonical_field(out.signed_fields, Canonicalization::kRelaxed, out.header.text(at));
  BodyHasher hasher;
  hasher.want(Canonicalization::kRelaxed);
  hasher.feed(out.header.body());
  hasher.finish();
  out.body_hash = text::base64(hasher.hash(Canonicalization::kRelaxed));
  return out;
}

// Ends a field whose text is there up to "b=": signs `before` and that text, and appends the signature and CRLF.
Result<std::string> signed_field(FieldWriter field, std::string before, const SigningKey& key) {
  field.line("b=");
  append_canonical_field(before, Canonicalization::kRelaxed, field.text());
  before.resize(before.size() - 2);
  const auto signature = key.sign(sha256_of(before));
  if (!signature) return signature.error();
  const std::string digits = text::base64(*signature);
  constexpr size_t kPiece = kLine - 10;  // beside "b=" and the tab
  for (size_t at = 0; at < digits.size(); at += kPiece) field.more(std::string_view(digits).substr(at, kPiece));
  return field.text() + "\r\n";
}

// A signature over a message; `start` is the field up to its own first tags.
Result<std::string> sign_message(FieldWriter field, const Signable& what, const SigningKey& key, Time now) {
  field.word("a=" + std::string(algorithm_name(key.algorithm())) + ";").word("c=relaxed/relaxed;");
  field.word("d=" + key.domain() + ";").word("s=" + key.selector() + ";");
  field.word("t=" + std::to_string(to_unix(now)) + ";").word("h=" + std::string(what.names[0]));
  for (size_t i = 1; i < what.names.size(); ++i)
    field.more(":" + std::string(what.names[i]) + (i + 1 == what.names.size() ? ";" : ""));
  field.word("bh=" + what.body_hash + ";");
  return signed_field(std::move(field), what.signed_fields, key);
}

// resinfo as part of our field: folded, and unable to begin another.
Result<std::string> folded_results(std::string_view results) {
  std::string out;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results.substr(i).starts_with("\r\n") && i + 2 < results.size() && text::is_wsp(results[i + 2])) {
      out += "\r\n";
      ++i;
    } else if (results[i] == '\r' || results[i] == '\n' || results[i] == '\0') {
      return Error{Code::kInvalid, "results hold a line end that is no fold"};
    } else
      out += results[i];
  }
  if (out.find('\n') == out.npos)
    for (size_t at = 0; (at = out.find("; ", at)) != out.npos; at += 4) out.replace(at, 2, ";\r\n\t");
  return out;
}

}  // namespace

Result<SigningKey> SigningKey::load(std::string domain, std::string selector, const std::string& private_pem) {
  SigningKey out;
  out.domain_ = dns_name(domain);
  out.selector_ = dns_name(selector);
  if (out.domain_.empty() || out.selector_.empty())
    return Error{Code::kInvalid, "'" + selector + "' at '" + domain + "' is no name of a DKIM key"};
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size())), BIO_free);
  // No password is asked for on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  out.key_ = {in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr) : nullptr, EVP_PKEY_free};
  ERR_clear_error();
  const int kind = out.key_ ? EVP_PKEY_get_base_id(out.key_.get()) : 0;
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519)
    return Error{Code::kInvalid,
                 "the DKIM key " + selector + " of " + domain + " is no RSA or Ed25519 key in PEM form"};
  out.algorithm_ = kind == EVP_PKEY_RSA ? Algorithm::kRsaSha256 : Algorithm::kEd25519Sha256;
  if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(out.key_.get()) < static_cast<int>(kMinRsaBits))
    return Error{Code::kInvalid,
                 "the DKIM key " + selector + " of " + domain + " has less than 1024 bits: make a new one"};
  return out;
}

Result<std::string> sign_dkim(std::string_view message, const std::vector<SigningKey>& keys, Time now) {
  if (keys.empty()) return std::string();
  const auto what = prepare(message, false);
  if (!what) return what.error();
  std::string out;
  for (const SigningKey& key : keys) {
    auto field = sign_message(FieldWriter("DKIM-Signature: v=1;"), *what, key, now);
    if (!field) return field;
    out += *field;
  }
  return out;
}

Result<std::string> seal_arc(std::string_view message, const Arc& found, std::string_view results,
                             std::string_view authserv_id, const SigningKey& key, Time now) {
  const auto what = prepare(message, true);
  if (!what) return what.error();
  const ArcChain chain = read_chain(what->header);
  if (chain.closed || chain.highest >= kMaxArcInstance) return std::string();
  const std::string instance = "i=" + std::to_string(chain.highest + 1) + ";";
  const std::string_view status = !chain.present                                            ? "none"
                                  : found.result == Outcome::kPass && chain.problem.empty() ? "pass"
                                                                                            : "fail";

  const auto folded = folded_results(results);
  if (!folded) return folded;
  const std::string authentication =
      "ARC-Authentication-Results: " + instance + " " + std::string(authserv_id) + ";\r\n\t" + *folded + "\r\n";
  const auto signature = sign_message(FieldWriter("ARC-Message-Signature: " + instance), *what, key, now);
  if (!signature) return signature;

  FieldWriter seal("ARC-Seal: " + instance);
  seal.word("a=" + std::string(algorithm_name(key.algorithm())) + ";").word("cv=" + std::string(status) + ";");
  seal.word("d=" + key.domain() + ";").word("s=" + key.selector() + ";");
  seal.word("t=" + std::to_string(to_unix(now)) + ";");
  // RFC 8617 §5.1.2: a broken chain is not sealed again, only the finding.
  std::string sealed = status == "pass" ? sealed_before(what->header, chain, chain.highest + 1) : std::string();
  append_canonical_field(sealed, Canonicalization::kRelaxed, authentication);
  append_canonical_field(sealed, Canonicalization::kRelaxed, *signature);
  const auto sealing = signed_field(std::move(seal), std::move(sealed), key);
  if (!sealing) return sealing;
  return *sealing + *signature + authentication;
}

}  // namespace pabal::trust
