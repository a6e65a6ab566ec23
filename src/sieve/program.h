// The inside of a compiled script: a tree of nodes, checked against the grammar's table. No code: data that run.cc
// walks.
#pragma once

#include <string>
#include <vector>

#include "sieve/grammar.h"
#include "sieve/sieve.h"

namespace pabal::sieve {

// Of the octets encode() gives. Count it up when the format, an Op, a Slot or a choice changes.
inline constexpr uint8_t kProgramVersion = 2;

struct Text {
  std::string text;
  bool expand = false;  // holds references to variables
};

struct Operand {
  Slot slot = Slot::kMatch;
  uint8_t choice = 0;  // which of the slot's tags
  uint64_t number = 0;
  std::vector<Text> strings;
};

struct Node {
  Op op = Op::kFalse;
  uint32_t line = 0;
  std::vector<Operand> operands;
  std::vector<Node> tests;
  std::vector<Node> block;

  const Operand* find(Slot slot) const;  // null: not given
  bool has(Slot slot) const { return find(slot) != nullptr; }
  uint8_t choice(Slot slot, uint8_t absent) const;
  uint64_t number(Slot slot, uint64_t absent) const;
};

struct Program {
  std::vector<Node> nodes;
};

}  // namespace pabal::sieve
