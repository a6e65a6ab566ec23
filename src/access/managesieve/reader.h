// Octets to whole commands (RFC 5804 §4): words separated by a blank, strings quoted or as literals. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pabal::access::managesieve {

struct Word {
  enum class Kind : uint8_t { kAtom, kNumber, kString } kind = Kind::kAtom;
  std::string text;
};

class Reader {
 public:
  // `line`: octets of a command without its literals. `literals`: octets of all its literals together.
  void limit(size_t line, uint64_t literals) { max_line_ = line, max_literals_ = literals; }
  void feed(std::string_view octets) { in_.append(octets); }

  enum class State {
    kNeedMore,  // feed() more
    kCommand,   // take() it
    kBad,       // not a command: fault() says why; the next one can be read. take() gives the words before the fault
    kTooBig,    // literals over the limit: read and dropped; take() gives what was kept
    kTooLong,   // over any bound: where the next command begins cannot be known
  };
  State next();
  std::vector<Word> take();
  std::string_view fault() const { return fault_; }

  bool pending() const { return at_ < in_.size(); }        // there are octets that next() has not taken
  uint64_t literal_left() const { return literal_left_; }  // octets of a literal that are still to come
  void clear();

 private:
  bool parse_line(std::string_view line);  // true: a literal follows
  bool announced(std::string_view line);
  size_t quoted(std::string_view line, size_t at);
  void fail(std::string_view why);

  std::string in_;
  size_t at_ = 0;  // the first octet of in_ not taken yet
  std::vector<Word> words_;
  std::string fault_;
  bool after_literal_ = false, refused_ = false;
  size_t scanned_ = 0;  // there is no LF in in_ before this: a slow sender costs no second look
  uint64_t literal_left_ = 0, line_octets_ = 0, literal_octets_ = 0;
  size_t max_line_ = 8 << 10;
  uint64_t max_literals_ = 8 << 10;
};

}  // namespace pabal::access::managesieve
