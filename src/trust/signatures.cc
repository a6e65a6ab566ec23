#include "trust/signatures.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "trust/arc_chain.h"
#include "trust/canonical.h"
#include "trust/header_index.h"
#include "trust/public_key.h"
#include "trust/signature_field.h"

namespace pabal::trust {
namespace {

using Kind = SignatureField::Kind;

// Of a body hashed before others on the loop get their turn: a millisecond or two.
constexpr size_t kAtOnce = 1 << 20;

Outcome outcome_of(Code code) {
  switch (code) {
    case Code::kCorrupt:
      return Outcome::kFail;
    case Code::kDenied:
      return Outcome::kPolicy;
    case Code::kUnavailable:
      return Outcome::kTemperror;
    default:
      return Outcome::kPermerror;
  }
}

// Whether one signature holds. Errors: kInvalid, kCorrupt, kDenied, kUnavailable, as outcome_of takes them.
struct Proof {
  unsigned key_bits = 0;
  bool testing = false;
  Result<void> holds;
};

class Verifier {
 public:
  Verifier(dns::Lookups lookups, std::string_view message) : lookups_(lookups), header_(message) {}

  Task<Signatures> run() {
    read();
    Task<void> hashing = hash_body();
    co_await hashing;
    Signatures out;
    for (const auto& [at, signature] : dkim_) {
      Task<Proof> proving = prove(signature, at);
      Proof proof = co_await proving;
      out.dkim.push_back(report(signature, proof));
    }
    if (more_dkim_ > 0) {
      Dkim rest;
      rest.result = Outcome::kPolicy;
      rest.problem = std::to_string(more_dkim_) + " more signatures were not looked at; the first " +
                     std::to_string(kMaxDkimSignatures) + " are";
      out.dkim.push_back(std::move(rest));
    }
    Task<Arc> judging = judge_chain();
    out.arc = co_await judging;
    co_return out;
  }

 private:
  void read() {
    for (const size_t at : header_.named("DKIM-Signature")) {
      if (dkim_.size() == kMaxDkimSignatures)
        ++more_dkim_;
      else
        dkim_.emplace_back(at, read_signature(Kind::kDkim, header_.text(at)));
    }
    chain_ = read_chain(header_);
  }

  Task<void> hash_body() {
    bool any = false;
    const auto want = [&](const SignatureField& signature) {
      if (signature.problem) return;
      any = true;
      body_.want(signature.body);  // for its size
      body_.want(signature.body, signature.length);
    };
    for (const auto& [at, signature] : dkim_) want(signature);
    if (chain_.problem.empty())
      for (const auto& set : chain_.sets) want(set.message);
    if (!any) co_return;
    std::string_view rest = header_.body();
    for (; rest.size() > kAtOnce; rest.remove_prefix(kAtOnce)) {
      body_.feed(rest.substr(0, kAtOnce));
      const std::function<void(std::function<void(bool)>)> post = [this](const std::function<void(bool)>& done) {
        lookups_.loop.post([done] { done(true); });
      };
      Task<bool> others = net::from_callback<bool>(lookups_.loop, post);
      co_await others;
    }
    body_.feed(rest);
    body_.finish();
  }

  // The rules that need no key.
  Result<void> check(const SignatureField& signature) const {
    if (signature.problem) return *signature.problem;
    if (!header_.whole()) return Error{Code::kLimit, "the header is too long to be checked"};
    if (auto times = check_times(signature, lookups_.loop.now()); !times) return times;
    if (signature.kind == Kind::kArcSeal) return {};
    const std::string hash = body_.hash(signature.body, signature.length);
    if (hash.empty()) return Error{Code::kCorrupt, "the body is shorter than l= says"};
    if (hash != signature.body_hash) return Error{Code::kCorrupt, "the body is not the one that was signed"};
    return {};
  }

  // The key of a signature; kUnavailable: it could not be looked up.
  Task<Result<PublicKey>> key_of(std::string domain, std::string selector, Algorithm algorithm) {
    const std::string name = selector + "._domainkey." + domain;
    const auto known = keys_.find({name, algorithm});
    if (known != keys_.end()) co_return known->second;
    Task<Result<dns::Answer>> asking = dns::ask(lookups_, name, dns::Type::kTxt);
    const Result<dns::Answer> answer = co_await asking;
    Result<PublicKey> key = Error{Code::kInvalid, "there is no key at " + name};
    if (!answer) {
      const bool passes = answer.code() != Code::kInvalid;
      key = Error{passes ? Code::kUnavailable : Code::kInvalid,
                  "the key at " + name + " cannot be looked up: " + answer.error().message};
    } else {
      for (size_t i = 0; i < std::min(answer->records.size(), kMaxKeyRecords) && !key; ++i)
        key = read_key_record(answer->records[i].data, algorithm);
    }
    keys_.emplace(std::pair(name, algorithm), key);
    co_return key;
  }

  // `at`: of the signature among the fields.
  Task<Proof> prove(const SignatureField& signature, size_t at) {
    Proof proof;
    proof.holds = check(signature);
    if (!proof.holds) co_return proof;
    Task<Result<PublicKey>> looking = key_of(signature.domain, signature.selector, signature.algorithm);
    const Result<PublicKey> key = co_await looking;
    if (!key) {
      proof.holds = key.error();
      co_return proof;
    }
    proof.key_bits = key->bits;
    proof.testing = key->testing;
    if (key->strict && signature.kind == Kind::kDkim &&
        !text::iequals(std::string_view(signature.identity).substr(signature.identity.rfind('@') + 1),
                       signature.domain)) {
      proof.holds = Error{Code::kInvalid, "i= is in a subdomain of d=, which the key does not allow (t=s)"};
      co_return proof;
    }
    std::string signed_text;
    for (const size_t field : header_.choose(signature.names, at))
      append_canonical_field(signed_text, signature.header, header_.text(field));
    append_unsigned_field(signed_text, signature, header_.text(at));
    if (!verify_hash(*key, signature.algorithm, sha256_of(signed_text), signature.signature))
      proof.holds = Error{Code::kCorrupt, "the header is not the one that was signed, or not by this key"};
    else
      proof.holds = check_coverage(signature);
    co_return proof;
  }

  // A signature that holds vouches only for what it covers (RFC 6376 §8.2, §8.15).
  Result<void> check_coverage(const SignatureField& signature) const {
    const uint64_t size = body_.size(signature.body);
    if (signature.length && *signature.length < size)
      return Error{Code::kDenied,
                   "the last " + std::to_string(size - *signature.length) + " octets of the body are not signed (l=)"};
    const auto named = std::count_if(signature.names.begin(), signature.names.end(),
                                     [](std::string_view name) { return text::iequals(name, "from"); });
    if (header_.named("From").size() > static_cast<size_t>(named))
      return Error{Code::kDenied, "there is a From that is not signed"};
    return {};
  }

  static Dkim report(const SignatureField& signature, const Proof& proof) {
    Dkim out;
    out.domain = signature.domain;
    out.selector = signature.selector;
    out.identity = signature.identity;
    out.algorithm = signature.algorithm_text;
    out.signature_start = signature.signature_start;
    out.key_bits = proof.key_bits;
    out.testing = proof.testing;
    out.result = proof.holds ? Outcome::kPass : outcome_of(proof.holds.code());
    if (!proof.holds) out.problem = proof.holds.error().message;
    return out;
  }

  // RFC 8617 §5.2.
  Task<Arc> judge_chain() {
    Arc arc;
    if (!chain_.present) co_return arc;
    for (unsigned i = 1; i <= chain_.sets.size(); ++i) {
      const ArcChain::Set& set = chain_.sets[i - 1];
      arc.sets.push_back({i, set.seal.domain, set.seal.selector, set.results});
    }
    Task<std::string> finding = chain_problem();
    arc.problem = co_await finding;
    arc.result = arc.problem.empty() ? Outcome::kPass : Outcome::kFail;
    if (arc.result == Outcome::kFail) co_return arc;
    for (size_t i = chain_.sets.size() - 1; i > 0; --i) {  // step 5
      const ArcChain::Set& set = chain_.sets[i - 1];
      Task<Proof> proving = prove(set.message, set.message_at);
      const Proof proof = co_await proving;
      if (!proof.holds) {
        arc.oldest_pass = static_cast<unsigned>(i + 1);
        break;
      }
    }
    co_return arc;
  }

  Task<std::string> chain_problem() {
    if (!chain_.problem.empty()) co_return chain_.problem;
    const ArcChain::Set& newest = chain_.sets.back();
    Task<Proof> proving = prove(newest.message, newest.message_at);  // step 4
    const Proof proof = co_await proving;
    if (!proof.holds)
      co_return "the ARC-Message-Signature of " + newest.message.domain + " fails: " + proof.holds.error().message;
    for (size_t i = chain_.sets.size(); i > 0; --i) {  // step 6
      const SignatureField& seal = chain_.sets[i - 1].seal;
      Result<void> good = check(seal);
      if (good) {
        Task<Result<PublicKey>> looking = key_of(seal.domain, seal.selector, seal.algorithm);
        const Result<PublicKey> key = co_await looking;
        if (!key)
          good = key.error();
        else if (!verify_hash(*key, seal.algorithm, sha256_of(sealed_text(header_, chain_, static_cast<unsigned>(i))),
                              seal.signature))
          good = Error{Code::kCorrupt, "an ARC field is not the one that was sealed, or not by this key"};
      }
      if (!good)
        co_return "the seal of ARC set " + std::to_string(i) + " of " + seal.domain + " fails: " + good.error().message;
    }
    co_return std::string();
  }

  dns::Lookups lookups_;
  const HeaderIndex header_;
  std::vector<std::pair<size_t, SignatureField>> dkim_;  // with the place of the field
  size_t more_dkim_ = 0;
  ArcChain chain_;
  BodyHasher body_;
  std::map<std::pair<std::string, Algorithm>, Result<PublicKey>> keys_;
};

}  // namespace

Task<Signatures> verify_signatures(dns::Lookups lookups, std::shared_ptr<const std::string> message) {
  Verifier verifier(lookups, *message);
  Task<Signatures> running = verifier.run();
  Signatures found = co_await running;
  co_return found;
}

}  // namespace pabal::trust
