#include "trust/signature_field.h"

#include <algorithm>

#include "base/text.h"
#include "dns/resolver.h"
#include "trust/tag_list.h"

namespace pabal::trust {
namespace {

using Kind = SignatureField::Kind;

Error bad(std::string why) { return {Code::kInvalid, std::move(why)}; }

bool digits(std::string_view s, size_t at_most) {
  return !s.empty() && s.size() <= at_most && std::all_of(s.begin(), s.end(), text::is_digit);
}

// An optional number of at most `at_most` digits; one that does not fit is larger than all that it is compared with.
Result<std::optional<uint64_t>> number(const TagList& tags, std::string_view name, size_t at_most) {
  const auto value = tags.value(name);
  if (!value) return std::optional<uint64_t>();
  if (!digits(*value, at_most)) return bad(std::string(name) + "= is no number");
  return std::optional<uint64_t>(text::parse_u64(*value).value_or(UINT64_MAX));
}

Result<Canonicalization> canonicalization(std::string_view word) {
  if (word == "simple") return Canonicalization::kSimple;
  if (word == "relaxed") return Canonicalization::kRelaxed;
  return bad("c= names no canonicalization");
}

Result<void> read_algorithm(SignatureField& out, const TagList& tags) {
  const auto value = tags.value("a");
  if (!value) return bad("a= is missing");
  out.algorithm_text = text::printable(*value, 40);
  if (*value == "rsa-sha256")
    out.algorithm = Algorithm::kRsaSha256;
  else if (*value == "ed25519-sha256")
    out.algorithm = Algorithm::kEd25519Sha256;
  else if (*value == "rsa-sha1")
    return bad("it is of rsa-sha1, which proves nothing (RFC 8301)");
  else
    return bad("a=" + out.algorithm_text + " is not known here");
  return {};
}

// d= and s=, where the key is.
Result<void> read_names(SignatureField& out, const TagList& tags) {
  const auto domain = tags.value("d"), selector = tags.value("s");
  if (domain) out.domain = dns_name(*domain);
  if (selector) out.selector = dns_name(*selector);
  if (!domain || !selector) return bad(std::string(domain ? "s" : "d") + "= is missing");
  if (out.domain.empty() || out.domain.find('.') == std::string::npos) return bad("d= is no domain");
  if (out.selector.empty()) return bad("s= is no selector");
  // RFC 1035 §2.3.4: the name of the key.
  if (out.domain.size() + out.selector.size() + std::string_view("._domainkey.").size() > 253)
    return bad("d= and s= are too long");
  return {};
}

Result<void> read_identity(SignatureField& out, const TagList& tags) {
  out.identity = "@" + out.domain;
  const auto value = tags.value("i");
  if (!value) return {};
  out.identity = text::printable(without_blanks(*value), 320);
  const size_t at = value->rfind('@');
  if (at == value->npos) return bad("i= is no identity");
  const std::string domain = dns_name(text::trim(value->substr(at + 1)));
  if (domain != out.domain && !domain.ends_with("." + out.domain)) return bad("i= is outside d=");
  return {};
}

Result<void> read_instance(SignatureField& out, const TagList& tags) {
  const auto value = tags.value("i");
  if (!value) return bad("i= is missing");
  const auto instance = digits(*value, 2) ? text::parse_u64(*value) : std::nullopt;
  if (!instance || *instance < 1 || *instance > kMaxArcInstance) return bad("i= is no number from 1 to 50");
  out.instance = static_cast<unsigned>(*instance);
  return {};
}

// h=: RFC 6376 §3.5 wants names, §5.4 From among them.
Result<void> read_signed_names(SignatureField& out, const TagList& tags) {
  const auto value = tags.value("h");
  if (!value) return bad("h= is missing");
  bool from = false;
  for (const std::string_view part : text::split(*value, ':')) {
    const std::string_view name = text::trim(part);
    if (name.empty() || name.find_first_of(" \t\r\n") != name.npos) return bad("h= is no list of names");
    from = from || text::iequals(name, "from");
    // RFC 8617 §4.1.2 forbids it: a seal is made after what it seals.
    if (out.kind == Kind::kArcMessage && text::iequals(name, "arc-seal")) return bad("h= names ARC-Seal");
    out.names.push_back(name);
  }
  if (!from) return bad("h= does not name From");
  return {};
}

Result<void> read_signature_value(SignatureField& out, const TagList& tags, size_t value_at) {
  const Tag* tag = tags.find("b");
  if (!tag) return bad("b= is missing");
  out.value_begin = value_at + tag->begin;
  out.value_end = value_at + tag->end;
  // RFC 6008 §4: at least the first eight.
  out.signature_start = text::printable(without_blanks(tag->value).substr(0, 8));
  const auto bytes = folded_base64(tag->value);
  if (!bytes || bytes->empty()) return bad("b= is no base64");
  out.signature = *bytes;
  return {};
}

// What only signatures over a message have.
Result<void> read_coverage(SignatureField& out, const TagList& tags) {
  const auto hash = tags.value("bh");
  if (!hash) return bad("bh= is missing");
  const auto bytes = folded_base64(*hash);
  if (!bytes || bytes->empty()) return bad("bh= is no base64");
  out.body_hash = *bytes;

  const std::string_view both = tags.value("c").value_or("simple/simple");
  const size_t slash = both.find('/');
  const auto header = canonicalization(both.substr(0, slash));
  const auto body = canonicalization(slash == both.npos ? "simple" : both.substr(slash + 1));
  if (!header) return header.error();
  if (!body) return body.error();
  out.header = *header;
  out.body = *body;

  const auto length = number(tags, "l", 76);
  if (!length) return length.error();
  out.length = *length;
  const auto expires = number(tags, "x", 12);
  if (!expires) return expires.error();
  out.expires = *expires;
  if (out.time && out.expires && *out.expires <= *out.time) return bad("x= is not later than t=");

  const auto methods = text::split(tags.value("q").value_or("dns/txt"), ':');
  if (std::none_of(methods.begin(), methods.end(), [](std::string_view m) { return text::trim(m) == "dns/txt"; }))
    return bad("q= names no way to the key that is known here");
  return read_signed_names(out, tags);
}

Result<void> read_seal(SignatureField& out, const TagList& tags) {
  out.header = Canonicalization::kRelaxed;
  if (tags.find("h")) return bad("it has h=, which a seal must not (RFC 8617 §4.1.3)");
  const auto chain = tags.value("cv");
  if (!chain) return bad("cv= is missing");
  if (*chain != "none" && *chain != "pass" && *chain != "fail") return bad("cv= is none of none, pass and fail");
  out.chain = *chain;
  return {};
}

}  // namespace

std::string dns_name(std::string_view name) {
  auto ascii = dns::to_ascii(name);
  return ascii ? std::move(*ascii) : std::string();
}

SignatureField read_signature(Kind kind, std::string_view field) {
  SignatureField out;
  out.kind = kind;
  const auto note = [&](const Result<void>& result) {
    if (!result && !out.problem) out.problem = result.error();
  };
  if (field.size() > kMaxSignatureFieldBytes) {
    out.problem = bad("the field is too long");
    return out;
  }
  const size_t value_at = std::min(field.find(':'), field.size() - 1) + 1;
  const auto tags = TagList::parse(field.substr(value_at));
  if (!tags) {
    out.problem = tags.error();
    return out;
  }
  if (kind == Kind::kDkim) {
    const auto version = tags->value("v");
    if (!version)
      note(bad("v= is missing"));
    else if (*version != "1")
      note(bad("v= is not 1"));
  }
  note(read_algorithm(out, *tags));
  note(read_names(out, *tags));
  note(kind == Kind::kDkim ? read_identity(out, *tags) : read_instance(out, *tags));
  note(read_signature_value(out, *tags, value_at));
  if (const auto time = number(*tags, "t", 12); time)
    out.time = *time;
  else
    note(time.error());
  note(kind == Kind::kArcSeal ? read_seal(out, *tags) : read_coverage(out, *tags));
  return out;
}

Result<void> check_times(const SignatureField& signature, Time now) {
  const int64_t seconds = to_unix(now), slack = std::chrono::duration_cast<std::chrono::seconds>(kClockSlack).count();
  // Twelve digits of seconds fit.
  if (signature.expires && static_cast<int64_t>(*signature.expires) + slack < seconds)
    return bad("it expired at " + to_rfc3339(from_unix(static_cast<int64_t>(*signature.expires))).substr(0, 19) + "Z");
  if (signature.time && static_cast<int64_t>(*signature.time) > seconds + slack)
    return Error{Code::kDenied, "it was made in the future, says its t="};
  return {};
}

void append_unsigned_field(std::string& out, const SignatureField& signature, std::string_view field) {
  std::string without(field.substr(0, signature.value_begin));
  without += field.substr(signature.value_end);
  // Blanks and line end behind an empty b= at the very end go with the value.
  append_canonical_field(out, signature.header, without);
  out.resize(out.size() - 2);
}

}  // namespace pabal::trust
