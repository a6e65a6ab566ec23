// dns: typed, asynchronous look-ups. The real resolver is libunbound (cached, DNSSEC-validating); zones given in the
// configuration are answered in process before it (demo, tests, split horizons).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace pabal::dns {

enum class Type : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kTlsa = 52,
  kCaa = 257
};

struct Record {
  Type type = Type::kA;
  uint32_t ttl = 0;
  std::string data;         // A/AAAA: address text; MX/PTR/CNAME/NS/SRV: host name, lower case, no final dot;
                            // TXT: the strings joined (RFC 7208 §3.3); TLSA and CAA: the raw RDATA
  uint16_t preference = 0;  // MX; of SRV the priority
  uint16_t weight = 0;      // SRV (RFC 2782)
  uint16_t port = 0;        // SRV
};

struct Answer {
  enum class Status { kFound, kNoData, kNxDomain };
  Status status = Status::kNoData;
  bool secure = false;          // DNSSEC-validated (also for a validated denial)
  std::vector<Record> records;  // of the asked type only; CNAMEs are followed
  std::string canonical;        // the name after CNAMEs
};

// Errors: kUnavailable (SERVFAIL, no server reached: retry later), kDenied (DNSSEC says bogus: treat as kUnavailable
// for delivery), kInvalid (not a domain name), kTimeout.
using Callback = std::function<void(Result<Answer>)>;

class Resolver {
 public:
  virtual ~Resolver() = default;
  // `name` is ASCII (A-labels). `done` runs once, on any thread, perhaps before query() returns.
  virtual void query(std::string name, Type type, Callback done) = 0;
};

struct UnboundOptions {
  std::string forwarder;                                      // "ip@port": ask this one only; before resolv_conf
  std::string resolv_conf = "/etc/resolv.conf";               // forwarders; empty: resolve from the root
  std::string trust_anchor_file = "/usr/share/dns/root.key";  // empty or missing: no validation, `secure` is never true
};
Result<std::unique_ptr<Resolver>> make_unbound(UnboundOptions options);

// Answers from the zones in memory; names outside every zone, and aliases that lead there, go to `next` (null:
// kNxDomain). Thread-safe.
class ZoneResolver final : public Resolver {
 public:
  explicit ZoneResolver(std::shared_ptr<Resolver> next = nullptr);
  ~ZoneResolver() override;
  void query(std::string name, Type type, Callback done) override;

  // Zone text in the master-file form of RFC 1035 §5.1, as far as A AAAA CNAME MX NS PTR SRV TXT TLSA SOA(ignored)
  // CAA, $ORIGIN, $TTL, @, comments, quoted strings and parentheses go. It replaces what the zone had. kInvalid names
  // the line.
  Result<void> load(std::string_view origin, std::string_view text, bool secure = false);
  // Tests: make queries for `name` fail with `code` until cleared (Code::kInternal clears).
  void fail(std::string name, Code code);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reverse name for PTR: 1.2.0.192.in-addr.arpa or the ip6.arpa form.
std::string reverse_name(std::string_view ip);
// U-labels to A-labels by IDNA 2008 (libidn2), lower case, final dot removed. kInvalid for what is not a host name.
Result<std::string> to_ascii(std::string_view domain);
std::string to_unicode(std::string_view domain);  // for display; the input when it cannot be decoded

}  // namespace pabal::dns
