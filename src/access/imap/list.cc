#include "access/imap/list.h"

#include <algorithm>
#include <map>

#include "access/imap/limits.h"
#include "access/imap/metadata_request.h"
#include "access/imap/names.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using mailbox::Mailbox;
using mailbox::Role;

constexpr std::pair<Role, std::string_view> kUses[] = {
    {Role::kDrafts, "\\Drafts"}, {Role::kSent, "\\Sent"},       {Role::kJunk, "\\Junk"},
    {Role::kTrash, "\\Trash"},   {Role::kArchive, "\\Archive"}, {Role::kImportant, "\\Important"}};
constexpr std::string_view kStatusItems[] = {"MESSAGES",      "UIDNEXT",   "UIDVALIDITY",    "UNSEEN",
                                             "DELETED",       "SIZE",      "RECENT",         "APPENDLIMIT",
                                             "HIGHESTMODSEQ", "MAILBOXID", "DELETED-STORAGE"};

void parse_selection(Words& words, ListRequest& request) {
  request.extended = true;
  words.expect('(');
  if (!words.accept(')')) {
    do {
      const std::string option = words.name();
      if (option == "SUBSCRIBED")
        request.only_subscribed = request.return_subscribed = true;
      else if (option == "SPECIAL-USE")
        request.only_special = request.return_special = true;
      else if (option == "RECURSIVEMATCH")
        request.recursive = true;
      else if (option != "REMOTE")
        words.fail();  // there are no remote ones
    } while (words.ok() && words.accept(' '));
    words.expect(')');
  }
  // RFC 5258 §3: RECURSIVEMATCH needs something to match.
  if (request.recursive && !request.only_subscribed && !request.only_special) words.fail();
  words.space();
}

void parse_return(Words& words, ListRequest& request) {
  if (words.name() != "RETURN") words.fail();
  request.extended = true;
  words.space();
  words.expect('(');
  if (words.accept(')')) return;
  do {
    const std::string option = words.name();
    if (option == "SUBSCRIBED")
      request.return_subscribed = true;
    else if (option == "SPECIAL-USE")
      request.return_special = true;
    else if (option == "METADATA") {
      words.space();
      request.metadata = parse_entries(words, false);
    } else if (option == "MYRIGHTS")
      request.return_my_rights = true;
    else if (option == "STATUS") {
      words.space();
      auto items = parse_status_items(words);
      if (items) request.status = std::move(*items);
    } else if (option != "CHILDREN")
      words.fail();  // children are always told
  } while (words.ok() && words.accept(' '));
  words.expect(')');
}

// A name and what is known of it: mailboxes, levels above mailboxes that are none themselves, and subscribed names of
// which there is no mailbox (RFC 9051 §6.3.7).
struct Node {
  const Mailbox* box = nullptr;
  bool subscribed = false, children = false, subscribed_below = false, special_below = false;
  bool is_special() const { return box && !special_use(box->role).empty(); }
};

template <typename See>
void for_each_parent(std::map<std::string, Node>& tree, std::string_view name, const See& see) {
  for (size_t slash = name.rfind('/'); slash != name.npos && slash > 0; slash = name.rfind('/', slash - 1))
    see(tree[std::string(name.substr(0, slash))]);
}

std::map<std::string, Node> tree_of(const std::vector<Mailbox>& all, const std::set<std::string>& subscribed) {
  std::map<std::string, Node> tree;
  for (const Mailbox& box : all) {
    Node& node = tree[box.name];
    node.box = &box;
    for_each_parent(tree, box.name, [&](Node& parent) {
      parent.children = true;
      parent.special_below |= node.is_special();
    });
  }
  for (const std::string& name : subscribed) {
    tree[name].subscribed = true;
    for_each_parent(tree, name, [](Node& parent) { parent.subscribed_below = true; });
  }
  return tree;
}

std::string attributes_of(const Node& node, const ListRequest& request) {
  std::string out;
  const auto add = [&](std::string_view word) { (out += out.empty() ? "" : " ") += word; };
  // RFC 9051 §7.3.1: \NonExistent means \Noselect too, which old clients know.
  if (!node.box) {
    if (!request.lsub) add("\\NonExistent");
    add("\\Noselect");
  }
  add(node.children ? "\\HasChildren" : "\\HasNoChildren");
  if (request.return_subscribed && node.subscribed) add("\\Subscribed");
  if (!request.lsub && node.is_special()) add(special_use(node.box->role));
  return out;
}

}  // namespace

std::string_view special_use(Role role) {
  for (const auto& [r, name] : kUses)
    if (r == role) return name;
  return {};
}

std::optional<Role> role_of_use(std::string_view use) {
  for (const auto& [role, name] : kUses)
    if (text::iequals(name, use)) return role;
  return {};
}

std::optional<std::vector<std::string>> parse_status_items(Words& words) {
  std::vector<std::string> items;
  parenthesised(words, [&] {
    items.push_back(words.name());
    if (std::find(std::begin(kStatusItems), std::end(kStatusItems), items.back()) == std::end(kStatusItems))
      words.fail();
  });
  if (!words.ok()) return {};
  return items;
}

std::optional<ListRequest> parse_list(Words& words, bool lsub) {
  ListRequest request;
  request.lsub = request.only_subscribed = lsub;
  words.space();
  if (!lsub && words.peek() == '(') parse_selection(words, request);
  request.reference = words.astring();
  words.space();
  if (!lsub && words.peek() == '(') {
    request.extended = true;
    parenthesised(words, [&] {
      request.patterns.push_back(words.list_mailbox());
      if (request.patterns.size() > kMaxPatterns) words.fail();
    });
  } else {
    request.patterns.push_back(words.list_mailbox());
  }
  for (const std::string& pattern : request.patterns)
    if (pattern.size() + request.reference.size() > kMaxPattern) words.fail();
  if (!lsub && words.accept(' ')) parse_return(words, request);
  if (!words.done()) return {};
  return request;
}

std::vector<ListLine> list(const ListRequest& request, const std::vector<Mailbox>& all,
                           const std::set<std::string>& subscribed,
                           const std::function<std::string(std::string_view)>& decode) {
  std::vector<std::string> patterns;
  for (const std::string& pattern : request.patterns) patterns.push_back(decode(request.reference + pattern));
  const auto tree = tree_of(all, subscribed);
  std::vector<ListLine> out;
  const auto consider = [&](const std::string& name, const Node& node) {
    if (std::none_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return matches_pattern(p, name); }))
      return;
    if (!request.only_subscribed && !node.box && !node.children) return;  // only subscriptions know that name
    const bool selected = (!request.only_subscribed || node.subscribed) && (!request.only_special || node.is_special());
    const bool below =
        (!request.only_subscribed || node.subscribed_below) && (!request.only_special || node.special_below);
    // RFC 5258 §3: RECURSIVEMATCH brings in parents of what is selected. RFC 3501 §6.3.9: so does LSUB, as \Noselect.
    const bool by_child = below && (request.recursive || (request.lsub && !node.subscribed));
    if (!selected && !by_child) return;
    ListLine line{name, attributes_of(node, request), request.recursive && below, selected ? node.box : nullptr};
    if (request.lsub && !selected) line.attributes = "\\Noselect \\HasChildren";
    out.push_back(std::move(line));
  };
  // INBOX first, then by name.
  const auto inbox = tree.find("INBOX");
  if (inbox != tree.end()) consider(inbox->first, inbox->second);
  for (const auto& [name, node] : tree)
    if (name != "INBOX") consider(name, node);
  return out;
}

}  // namespace pabal::access::imap
