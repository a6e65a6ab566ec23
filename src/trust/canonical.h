// The two canonical forms of RFC 6376 §3.4, of header fields and of bodies, and the hash of bodies in them.
//
// Only CRLF ends a line here. A bare CR or LF is an octet like others: what a signature covers is what came over the
// wire, and a message that gained or lost such octets on its way has been changed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct evp_md_ctx_st;

namespace pabal::trust {

enum class Canonicalization : uint8_t { kSimple, kRelaxed };

// One header field, name to final line end (which may be missing at the end of a message), with CRLF at its end.
void append_canonical_field(std::string& out, Canonicalization how, std::string_view field);

std::string sha256_of(std::string_view bytes);  // 32 octets

// Hashes a body, fed in pieces as they come, in one pass for all who want it: in both forms and up to any lengths (l=)
// at once. The work is that of two hashes at most, however many want one.
class BodyHasher {
 public:
  BodyHasher();
  ~BodyHasher();
  BodyHasher(const BodyHasher&) = delete;
  BodyHasher& operator=(const BodyHasher&) = delete;

  // Before the first feed(). `length`: of the canonical form; none: all of it.
  void want(Canonicalization how, std::optional<uint64_t> length = {});
  void feed(std::string_view bytes);
  void finish();

  // After finish(). The hash of what was wanted; "" when the canonical body is shorter than `length`.
  std::string hash(Canonicalization how, std::optional<uint64_t> length = {}) const;
  uint64_t size(Canonicalization how) const;  // of the canonical form, which must have been wanted

 private:
  // SHA-256 of a stream, and of its beginnings.
  class Stream {
   public:
    Stream();
    ~Stream();
    void want(std::optional<uint64_t> length);
    void write(std::string_view bytes);
    void finish();
    bool wanted = false;
    uint64_t count = 0;
    std::string whole;
    struct Part {
      uint64_t length;
      std::string hash;
    };
    std::vector<Part> parts;  // by length once writing begins
    size_t next = 0;          // of parts: those before have their hash

   private:
    void close_part();
    evp_md_ctx_st* context_;
  };
  void feed_simple(std::string_view bytes);
  void feed_relaxed(std::string_view bytes);
  const char* rewrite_relaxed(const char* at, const char* stop, const char* end);
  void put_relaxed(std::string_view bytes);
  void put_held_back();
  void flush();

  Stream simple_, relaxed_;
  // Line ends that count only if something follows them, a CR that may begin one, blanks likewise.
  uint64_t simple_lines_ = 0, relaxed_lines_ = 0;
  bool simple_cr_ = false, relaxed_cr_ = false, relaxed_blank_ = false;
  std::array<char, 8 << 10> gathered_;  // octets of the relaxed form, for one call of the hash
  size_t gathered_size_ = 0;
};

}  // namespace pabal::trust
