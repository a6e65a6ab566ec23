#include "sieve/program.h"

#include "base/codec.h"

namespace pabal::sieve {
namespace {

void put(Encoder& out, const std::vector<Node>& nodes);

void put(Encoder& out, const Node& node) {
  out.u8(static_cast<uint8_t>(node.op)).varint(node.line).varint(node.operands.size());
  for (const Operand& operand : node.operands) {
    out.u8(static_cast<uint8_t>(operand.slot)).u8(operand.choice).varint(operand.number);
    out.varint(operand.strings.size());
    for (const Text& text : operand.strings) out.boolean(text.expand).string(text.text);
  }
  put(out, node.tests);
  put(out, node.block);
}

void put(Encoder& out, const std::vector<Node>& nodes) {
  out.varint(nodes.size());
  for (const Node& node : nodes) put(out, node);
}

// Octets may be hostile: counts are believed only as far as octets follow them.
class Reader {
 public:
  explicit Reader(std::string_view octets) : in_(octets) {}

  bool nodes(std::vector<Node>& out, size_t depth) {
    const uint64_t count = in_.varint();
    if (depth > 2 * kMaxNesting || count > in_.rest().size()) return false;
    for (uint64_t i = 0; i < count; ++i) {
      if (++nodes_ > kMaxNodes || !node(out.emplace_back(), depth)) return false;
    }
    return in_.ok();
  }
  bool done() const { return in_.ok() && in_.done(); }

 private:
  bool node(Node& out, size_t depth) {
    const uint8_t op = in_.u8();
    if (op >= static_cast<uint8_t>(Op::kCount_)) return false;
    out.op = static_cast<Op>(op);
    out.line = static_cast<uint32_t>(in_.varint());
    const uint64_t operands = in_.varint();
    if (operands > static_cast<uint64_t>(Slot::kCount_)) return false;
    for (uint64_t i = 0; i < operands; ++i)
      if (!operand(out.operands.emplace_back())) return false;
    return nodes(out.tests, depth + 1) && nodes(out.block, depth + 1);
  }

  bool operand(Operand& out) {
    const uint8_t slot = in_.u8();
    if (slot >= static_cast<uint8_t>(Slot::kCount_)) return false;
    out.slot = static_cast<Slot>(slot);
    out.choice = in_.u8();
    out.number = in_.varint();
    const uint64_t strings = in_.varint();
    if (strings > in_.rest().size()) return false;
    for (uint64_t i = 0; i < strings && in_.ok(); ++i) {
      const bool expand = in_.boolean();
      const std::string_view text = in_.string();
      if (text.size() > kMaxStringBytes) return false;
      out.strings.push_back({std::string(text), expand});
    }
    return in_.ok();
  }

  Decoder in_;
  size_t nodes_ = 0;
};

}  // namespace

const Operand* Node::find(Slot slot) const {
  for (const Operand& operand : operands)
    if (operand.slot == slot) return &operand;
  return nullptr;
}

uint8_t Node::choice(Slot slot, uint8_t absent) const {
  const Operand* operand = find(slot);
  return operand ? operand->choice : absent;
}

uint64_t Node::number(Slot slot, uint64_t absent) const {
  const Operand* operand = find(slot);
  return operand ? operand->number : absent;
}

std::string encode(const Program& program) {
  Encoder out;
  out.u8(kProgramVersion);
  put(out, program.nodes);
  return out.take();
}

std::shared_ptr<const Program> decode(std::string_view octets) {
  if (octets.empty() || static_cast<uint8_t>(octets[0]) != kProgramVersion) return nullptr;
  auto program = std::make_shared<Program>();
  Reader reader(octets.substr(1));
  if (!reader.nodes(program->nodes, 0) || !reader.done()) return nullptr;
  return program;
}

}  // namespace pabal::sieve
