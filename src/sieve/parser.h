// Tokens to statements, by the generic grammar of RFC 5228 §8.2: no command is known here.
#pragma once

#include <string>
#include <vector>

#include "sieve/lexer.h"

namespace pabal::sieve {

struct Argument {
  enum Kind : uint8_t { kTag, kNumber, kString, kList };
  Kind kind = kTag;
  Place at;
  std::string tag;  // in lower case, without colon
  uint64_t number = 0;
  struct Item {
    Place at;
    std::string text;
  };
  std::vector<Item> strings;  // one of a kString
};

struct Statement {  // a command, or a test
  Place at;
  std::string name;  // in lower case
  std::vector<Argument> arguments;
  std::vector<Statement> tests;
  bool test_list = false;  // tests were written in parentheses
  std::vector<Statement> block;
  bool has_block = false;
};

struct Parsed {
  std::vector<Statement> script;
  std::vector<Fault> faults;  // at most one: what follows a fault of syntax is guesswork
};
Parsed parse_script(std::string_view script);

}  // namespace pabal::sieve
