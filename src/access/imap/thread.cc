#include "access/imap/thread.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <unordered_map>

#include "base/random.h"

namespace pabal::access::imap {
namespace {

using Index = uint32_t;
constexpr Index kNone = UINT32_MAX;
using Indexes = std::vector<Index>;

struct Node {
  uint32_t number = 0;  // of the message; 0: a dummy
  uint32_t subject = 0;
  Time sent{};
  Index parent = kNone;
  bool reply = false;
  bool has_children = false;  // or had: in step 1 only
  Indexes children{};         // from step 2 on
};

// No recursion: a thread is as deep as a sender makes it.
std::string text_of(const std::vector<Node>& nodes, const Indexes& roots) {
  std::string out;
  Indexes waiting(roots.rbegin(), roots.rend());
  while (!waiting.empty()) {
    Index at = waiting.back();
    waiting.pop_back();
    if (at == kNone) {
      out += ')';
      continue;
    }
    out += '(';
    for (;; at = nodes[at].children.front()) {
      const Node& node = nodes[at];
      if (node.number != 0) out += std::to_string(node.number) + (node.children.empty() ? "" : " ");
      if (node.children.size() != 1) break;
    }
    waiting.push_back(kNone);
    waiting.insert(waiting.end(), nodes[at].children.rbegin(), nodes[at].children.rend());
  }
  return out;
}

void put(Node& node, const Threaded& message) {
  node.number = message.number;
  node.subject = message.line->subject;
  node.sent = message.line->sent;
  node.reply = message.line->reply;
}

// Where the nodes of ids are. What senders write cannot crowd its slots: they depend on a number that nobody knows.
class IdTable {
 public:
  explicit IdTable(size_t most) : bits_(std::bit_width(2 * most + 1)), slots_(size_t{1} << bits_) {}
  // The place of an id, or `next`, which it gets.
  Index find_or_add(uint64_t id, Index next) {
    static const uint64_t secret = SystemRandom().next_u64() | 1;
    for (size_t at = id * secret >> (64 - bits_);; ++at) {
      Slot& slot = slots_[at & (slots_.size() - 1)];
      if (slot.id == id) return slot.node;
      if (slot.id != 0) continue;
      slot = {id, next};
      return next;
    }
  }

 private:
  struct Slot {
    uint64_t id = 0;
    Index node = kNone;
  };
  const int bits_;
  std::vector<Slot> slots_;
};

// The steps of RFC 5256 §3, REFERENCES, by their numbers.
class ByReferences {
 public:
  explicit ByReferences(const std::vector<Threaded>& messages) : by_id_(count_ids(messages)) {
    nodes_.reserve(messages.size());
    for (const Threaded& message : messages) link(message);  // (1)
    gather();                                                // (2)
    prune();                                                 // (3)
    for (const Index root : roots_)
      if (is_dummy(root)) sort(nodes_[root].children);
    sort(roots_);  // (4)
    merge();       // (5)
    for (Node& node : nodes_)
      if (node.number != 0)
        sort(node.children);  // (6): those of dummies after them, for these look at their first child
    for (Node& node : nodes_)
      if (node.number == 0) sort(node.children);
    sort(roots_);
  }

  std::string text() const { return text_of(nodes_, roots_); }

 private:
  static size_t count_ids(const std::vector<Threaded>& messages) {
    size_t out = 0;
    for (const Threaded& message : messages) out += 1 + message.line->references.size();
    return out;
  }
  bool is_dummy(Index i) const { return nodes_[i].number == 0; }

  Index node_of(uint64_t id) {
    const Index node = by_id_.find_or_add(id, static_cast<Index>(nodes_.size()));
    if (node == nodes_.size()) nodes_.emplace_back();
    return node;
  }

  bool is_below(Index node, Index above) const {
    for (; node != kNone; node = nodes_[node].parent)
      if (node == above) return true;
    return false;
  }

  void set_parent(Index child, Index parent) {
    // What has had no children cannot be above anything.
    if (child == parent || (nodes_[child].has_children && is_below(parent, child))) return;
    nodes_[child].parent = parent;
    nodes_[parent].has_children = true;
  }

  void link(const Threaded& message) {
    // (1.A) A second message of the same id, or one without, is known by no id.
    Index self = message.line->message_id == 0 ? kNone : node_of(message.line->message_id);
    if (self == kNone || !is_dummy(self)) {
      self = static_cast<Index>(nodes_.size());
      nodes_.emplace_back();
    }
    put(nodes_[self], message);
    Index before = kNone;
    for (const uint64_t id : message.line->references) {
      const Index here = node_of(id);
      if (before != kNone && nodes_[here].parent == kNone) set_parent(here, before);
      before = here;
    }
    // (1.B)
    nodes_[self].parent = kNone;
    if (before != kNone) set_parent(self, before);
  }

  void gather() {
    for (Index i = 0; i < nodes_.size(); ++i)
      (nodes_[i].parent == kNone ? roots_ : nodes_[nodes_[i].parent].children).push_back(i);
  }

  void prune() {
    Indexes order = roots_;  // parents before their children
    for (size_t i = 0; i < order.size(); ++i)
      for (const Index child : nodes_[order[i]].children) order.push_back(child);
    for (auto at = order.rbegin(); at != order.rend(); ++at) splice(nodes_[*at].children);
    Indexes kept;
    for (const Index root : roots_) {
      const Node& node = nodes_[root];
      if (node.number != 0 || node.children.size() > 1)
        kept.push_back(root);
      else if (!node.children.empty())
        kept.push_back(node.children.front());
    }
    roots_ = std::move(kept);
  }

  // Puts the children of dummies in their places.
  void splice(Indexes& children) {
    if (std::all_of(children.begin(), children.end(), [&](Index c) { return !is_dummy(c); })) return;
    Indexes out;
    for (const Index child : children) {
      if (!is_dummy(child)) {
        out.push_back(child);
        continue;
      }
      Indexes inner = std::move(nodes_[child].children);
      nodes_[child].children.clear();
      if (out.empty())
        out = std::move(inner);
      else
        out.insert(out.end(), inner.begin(), inner.end());
    }
    children = std::move(out);
  }

  const Node& shown(Index i) const { return is_dummy(i) ? nodes_[nodes_[i].children.front()] : nodes_[i]; }
  void sort(Indexes& some) const {
    if (some.size() < 2) return;
    struct Item {
      Time sent;
      uint32_t number;
      Index node;
    };
    std::vector<Item> order;
    order.reserve(some.size());
    for (const Index i : some) order.push_back({shown(i).sent, shown(i).number, i});
    std::sort(order.begin(), order.end(),
              [](const Item& a, const Item& b) { return a.sent != b.sent ? a.sent < b.sent : a.number < b.number; });
    for (size_t i = 0; i < some.size(); ++i) some[i] = order[i].node;
  }

  void merge() {
    uint32_t subjects = 0;
    for (const Index root : roots_) subjects = std::max(subjects, shown(root).subject + 1);
    Indexes table(subjects, kNone);    // (5.A)
    for (const Index root : roots_) {  // (5.B)
      const uint32_t subject = shown(root).subject;
      if (subject == 0) continue;
      Index& entry = table[subject];
      if (entry == kNone || (!is_dummy(entry) && (is_dummy(root) || (nodes_[entry].reply && !nodes_[root].reply))))
        entry = root;
    }
    Indexes kept;
    for (const Index root : roots_) {  // (5.C)
      const uint32_t subject = shown(root).subject;
      Index& other = table[subject];
      if (subject == 0 || other == root || replaced_.contains(root)) {
        kept.push_back(root);
        continue;
      }
      if (is_dummy(other) && is_dummy(root)) {
        const Indexes inner = std::move(nodes_[root].children);
        nodes_[root].children.clear();
        nodes_[other].children.insert(nodes_[other].children.end(), inner.begin(), inner.end());
      } else if (is_dummy(other) || (nodes_[root].reply && !nodes_[other].reply)) {
        nodes_[other].children.push_back(root);
      } else {
        const auto dummy = static_cast<Index>(nodes_.size());
        nodes_.emplace_back();
        nodes_[dummy].children = {other, root};
        replaced_[other] = dummy;
        other = dummy;
      }
    }
    for (Index& root : kept)
      if (const auto dummy = replaced_.find(root); dummy != replaced_.end()) root = dummy->second;
    roots_ = std::move(kept);
  }

  std::vector<Node> nodes_;
  IdTable by_id_;
  std::unordered_map<Index, Index> replaced_;  // roots that became children of a new dummy
  Indexes roots_;
};

}  // namespace

std::string threads_by_subject(std::vector<Threaded> messages) {
  const auto by_date = [](const Threaded& a, const Threaded& b) {
    return std::tie(a.line->sent, a.number) < std::tie(b.line->sent, b.number);
  };
  std::sort(messages.begin(), messages.end(), by_date);
  std::vector<Node> nodes;
  Indexes roots;  // by the date of their first messages, as these come
  std::unordered_map<uint32_t, Index> threads;
  for (const Threaded& message : messages) {
    const auto self = static_cast<Index>(nodes.size());
    put(nodes.emplace_back(), message);
    const auto [thread, is_new] = threads.try_emplace(message.line->subject, self);
    (is_new ? roots : nodes[thread->second].children).push_back(self);
  }
  return text_of(nodes, roots);
}

std::string threads_by_references(const std::vector<Threaded>& messages) { return ByReferences(messages).text(); }

}  // namespace pabal::access::imap
