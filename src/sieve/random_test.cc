// Scripts made at random from the grammar's own table: what is compiled runs the same from its octets, ends, and keeps
// the message when it fails.
#include "base/random.h"

#include <gtest/gtest.h>

#include "sieve/grammar.h"
#include "sieve/test_script.h"

namespace pabal::sieve {
namespace {

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  std::string script() {
    std::string out = "require [\"fileinto\"";
    for (const std::string_view name : extensions()) out += ",\"" + std::string(name) + "\"";
    return out + "];\n" + block(4);
  }

 private:
  size_t below(size_t n) { return random_.below(n); }

  std::string block(size_t depth) {
    std::string out;
    for (size_t i = 0, n = 1 + below(5); i < n; ++i) out += command(depth);
    return out;
  }

  std::string command(size_t depth) {
    const auto rows = command_rows();
    const CommandRow* row = &rows[below(rows.size())];
    while (row->test || row->op == Op::kRequire || row->op == Op::kElse || row->op == Op::kElsif)
      row = &rows[below(rows.size())];
    if (depth == 0 && row->block) return "keep;\n";
    std::string out = words(*row, depth);
    if (!row->block) return out + ";\n";
    out += " {\n" + block(depth - 1) + "}\n";
    if (row->op == Op::kIf && below(2)) out += "else {\n" + block(depth - 1) + "}\n";
    return out;
  }

  std::string test(size_t depth) {
    const auto rows = command_rows();
    const CommandRow* row = &rows[below(rows.size())];
    while (!row->test || (depth == 0 && row->tests != Children::kNone)) row = &rows[below(rows.size())];
    return words(*row, depth);
  }

  std::string words(const CommandRow& row, size_t depth) {
    std::string out(row.name);
    for (const std::string_view tag :
         {"is",    "contains", "matches", "regex",    "count",  "value",   "comparator", "all",  "user",
          "index", "last",     "mime",    "anychild", "param",  "content", "raw",        "over", "flags",
          "copy",  "create",   "days",    "subject",  "handle", "lower",   "length",     "once", "first"}) {
      const TagRow* known = find_tag(tag, row);
      if (!known || below(6) > 0) continue;
      out += " :" + std::string(tag);
      if (tag == "count" || tag == "value")
        out += " \"ge\"";
      else if (tag == "comparator")
        out += below(2) ? " \"i;octet\"" : " \"i;unicode-casemap\"";
      else
        out += argument(known->type, known->slot);
    }
    if (row.op == Op::kSize && out.find(" :over") == out.npos) out += " :under 1K";
    for (const Positional& p : row.positional)
      if (p.type != Type::kNone && !(p.optional && below(2))) out += argument(p.type, p.slot);
    if (row.tests == Children::kOne) out += " " + test(depth ? depth - 1 : 0);
    if (row.tests == Children::kList) out += " (" + test(depth ? depth - 1 : 0) + ", " + test(0) + ")";
    return out;
  }

  std::string argument(Type type, Slot slot) {
    if (type == Type::kNone) return "";
    if (type == Type::kNumber) return " " + std::to_string(1 + below(3));
    std::string one = " \"" + text(slot) + "\"";
    return type == Type::kStrings && below(2) ? " [" + one + ", \"" + text(slot) + "\"]" : one;
  }

  std::string text(Slot slot) {
    const auto pick = [&](std::initializer_list<std::string_view> of) {
      return std::string(of.begin()[below(of.size())]);
    };
    switch (slot) {
      case Slot::kVariable:
        return pick({"a", "b", "global.c"});
      case Slot::kHeaders:
        return pick({"from", "to", "subject", "content-type", "date"});
      case Slot::kName:
        return pick({"X-Twice", "Subject", "X-New"});
      case Slot::kAddresses:
        return pick({"a@b.c", "d@example.org"});
      case Slot::kMethod:
        return "mailto:a@b.c";
      case Slot::kDatePart:
        return pick({"year", "hour", "weekday"});
      case Slot::kScript:
        return pick({"one", "two", "none"});
      case Slot::kCapabilities:
        return pick({"copy", "tornado"});
      case Slot::kFlags:
        return pick({"\\\\Seen", "a b", "${a}"});
      default:
        return pick({"${a}${b}", "*a*${1}", "x", "second", "[a-z]*", "I have", "", "17", "${global.c}y"});
    }
  }

  SeededRandom random_;
};

TEST(SieveRandom, ProgramsRunTheSameFromTheirOctets) {
  TestHost host;
  host.scripts = {{"one", "require [\"variables\", \"include\"]; global \"a\"; set \"a\" \"x${a}\";"},
                  {"two", "require \"include\"; include :once \"one\"; return;"}};
  size_t compiled_well = 0, failed = 0;
  for (uint64_t seed = 1; seed <= 3'000; ++seed) {
    const std::string script = Maker(seed).script();
    const Compiled compiled = compile(script);
    if (!compiled.ok()) continue;
    ++compiled_well;
    Input input;
    input.bytes = kLetter;
    input.from = "a@b.c";
    Limits limits;
    limits.steps = 20'000;
    const Outcome outcome = run(*compiled.program, input, host, limits);
    const auto again = decode(encode(*compiled.program));
    ASSERT_TRUE(again) << script;
    ASSERT_EQ(told(run(*again, input, host, limits)), told(outcome)) << script;
    ASSERT_FALSE(outcome.actions.empty()) << script;
    failed += outcome.error.has_value();
    if (outcome.error) { ASSERT_TRUE(told(outcome).starts_with("implicit keep ERROR line ")) << script; }
  }
  EXPECT_GT(compiled_well, 300u);
  EXPECT_GT(compiled_well - failed, 100u);
}

}  // namespace
}  // namespace pabal::sieve
