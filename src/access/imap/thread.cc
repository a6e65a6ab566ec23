#include "access/imap/thread.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "access/imap/sort.h"
#include "message/casemap.h"

namespace pabal::access::imap {
namespace {

using Index = uint32_t;
constexpr Index kNone = UINT32_MAX;
using Indexes = std::vector<Index>;

struct Node {
  const Threaded* message = nullptr;  // null: a dummy
  Index parent = kNone;
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
      if (node.message) out += std::to_string(node.message->number) + (node.children.empty() ? "" : " ");
      if (node.children.size() != 1) break;
    }
    waiting.push_back(kNone);
    waiting.insert(waiting.end(), nodes[at].children.rbegin(), nodes[at].children.rend());
  }
  return out;
}

// The steps of RFC 5256 §3, REFERENCES, by their numbers.
class ByReferences {
 public:
  explicit ByReferences(const std::vector<Threaded>& messages) {
    for (const Threaded& message : messages) link(message);  // (1)
    gather();                                                // (2)
    prune();                                                 // (3)
    for (const Index root : roots_)
      if (!nodes_[root].message) sort(nodes_[root].children);
    sort(roots_);  // (4)
    merge();       // (5)
    for (Node& node : nodes_)
      if (node.message) sort(node.children);  // (6): those of dummies after them, for these look at their first child
    for (Node& node : nodes_)
      if (!node.message) sort(node.children);
    sort(roots_);
  }

  std::string text() const { return text_of(nodes_, roots_); }

 private:
  Index node_of(const std::string& id) {
    const auto [known, is_new] = by_id_.try_emplace(id, static_cast<Index>(nodes_.size()));
    if (is_new) nodes_.emplace_back();
    return known->second;
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
    Index self = message.id.empty() ? kNone : node_of(message.id);
    if (self == kNone || nodes_[self].message) {
      self = static_cast<Index>(nodes_.size());
      nodes_.emplace_back();
    }
    nodes_[self].message = &message;
    Index before = kNone;
    for (const std::string& id : message.references) {
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
      if (node.message || node.children.size() > 1)
        kept.push_back(root);
      else if (!node.children.empty())
        kept.push_back(node.children.front());
    }
    roots_ = std::move(kept);
  }

  // Puts the children of dummies in their places.
  void splice(Indexes& children) {
    if (std::all_of(children.begin(), children.end(), [&](Index c) { return nodes_[c].message; })) return;
    Indexes out;
    for (const Index child : children) {
      if (nodes_[child].message) {
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

  const Threaded& shown(Index i) const {
    return nodes_[i].message ? *nodes_[i].message : *nodes_[nodes_[i].children.front()].message;
  }
  void sort(Indexes& some) const {
    std::sort(some.begin(), some.end(), [&](Index a, Index b) {
      const Threaded &x = shown(a), &y = shown(b);
      return std::tie(x.sent, x.number) < std::tie(y.sent, y.number);
    });
  }

  void merge() {
    const auto is_reply = [&](Index i) { return nodes_[i].message && nodes_[i].message->reply; };
    std::unordered_map<std::string, Index> table;  // (5.A)
    for (const Index root : roots_) {              // (5.B)
      const std::string& subject = shown(root).subject;
      if (subject.empty()) continue;
      const auto [entry, is_new] = table.try_emplace(subject, root);
      if (is_new || !nodes_[entry->second].message) continue;
      if (!nodes_[root].message || (is_reply(entry->second) && !is_reply(root))) entry->second = root;
    }
    Indexes kept;
    for (const Index root : roots_) {  // (5.C)
      const std::string subject = shown(root).subject;
      Index& other = table[subject];
      if (subject.empty() || other == root || replaced_.contains(root)) {
        kept.push_back(root);
        continue;
      }
      if (!nodes_[other].message && !nodes_[root].message) {
        const Indexes inner = std::move(nodes_[root].children);
        nodes_[root].children.clear();
        nodes_[other].children.insert(nodes_[other].children.end(), inner.begin(), inner.end());
      } else if (!nodes_[other].message || (is_reply(root) && !is_reply(other))) {
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
  std::unordered_map<std::string, Index> by_id_;
  std::unordered_map<Index, Index> replaced_;  // roots that became children of a new dummy
  Indexes roots_;
};

// `<"a"@b>` is `<a@b>`.
std::string normalized(std::string id) {
  std::erase_if(id, [](char c) { return c == '"' || c == '\\'; });
  return id;
}

}  // namespace

Threaded threaded(uint32_t number, const mailbox::Message& message, const message::Summary& summary) {
  Threaded out;
  out.number = number;
  out.sent = sent_date(message, summary);
  out.subject = message::casemap(message::base_subject(summary.subject));
  out.reply = message::is_reply_subject(summary.subject);
  out.id = normalized(summary.message_id);
  // Of In-Reply-To alone only the first id counts. The summary has those of References before them.
  const bool of_in_reply_to =
      std::all_of(summary.references.begin(), summary.references.end(),
                  [&](const std::string& id) { return summary.in_reply_to.find(id) != std::string::npos; });
  for (const std::string& id : summary.references) {
    if (of_in_reply_to && !out.references.empty()) break;
    out.references.push_back(normalized(id));
  }
  return out;
}

std::string threads_by_subject(std::vector<Threaded> messages) {
  const auto by_date = [](const Threaded& a, const Threaded& b) {
    return std::tie(a.sent, a.number) < std::tie(b.sent, b.number);
  };
  std::sort(messages.begin(), messages.end(), by_date);
  std::vector<Node> nodes;
  Indexes roots;  // by the date of their first messages, as these come
  std::unordered_map<std::string, Index> threads;
  for (const Threaded& message : messages) {
    const auto self = static_cast<Index>(nodes.size());
    nodes.push_back({&message});
    const auto [thread, is_new] = threads.try_emplace(message.subject, self);
    (is_new ? roots : nodes[thread->second].children).push_back(self);
  }
  return text_of(nodes, roots);
}

std::string threads_by_references(const std::vector<Threaded>& messages) { return ByReferences(messages).text(); }

}  // namespace pabal::access::imap
