#include "access/imap/notify_request.h"

#include <algorithm>

#include "access/imap/limits.h"
#include "mailbox/sharing.h"

namespace pabal::access::imap {
namespace {

using Filter = NotifyGroup::Filter;

struct FilterName {
  std::string_view name;
  Filter filter;
};
constexpr FilterName kFilters[] = {{"SELECTED", Filter::kSelected},     {"SELECTED-DELAYED", Filter::kSelectedDelayed},
                                   {"INBOXES", Filter::kInboxes},       {"PERSONAL", Filter::kPersonal},
                                   {"SUBSCRIBED", Filter::kSubscribed}, {"SUBTREE", Filter::kSubtree},
                                   {"MAILBOXES", Filter::kMailboxes}};

// One group, and whether all its events are known.
class Parser {
 public:
  explicit Parser(Words& words) : words_(words) {}

  NotifyGroup group() {
    NotifyGroup group;
    words_.expect('(');
    const std::string name = words_.name();
    const auto known =
        std::find_if(std::begin(kFilters), std::end(kFilters), [&](const FilterName& f) { return f.name == name; });
    if (known == std::end(kFilters)) return words_.fail(), group;
    group.filter = known->filter;
    if (group.filter == Filter::kSubtree || group.filter == Filter::kMailboxes) {
      words_.space();
      if (words_.peek() == '(')
        parenthesised(words_, [&] { mailbox(group); });
      else
        mailbox(group);
    }
    words_.space();
    events(group);
    words_.expect(')');
    return group;
  }
  bool unknown_event() const { return unknown_event_; }

 private:
  void mailbox(NotifyGroup& group) {
    group.mailboxes.push_back(words_.astring());
    if (++mailboxes_ > kMaxNotifyMailboxes) words_.fail();
  }

  void events(NotifyGroup& group) {
    if (words_.accept_word("NONE")) return;
    bool added = false, removed = false, annotations = false;
    const auto event = [&] {
      const std::string name = words_.name();
      if (name == "MESSAGENEW") {
        added = true;
        Words ahead = words_;
        if (ahead.accept(' ') && ahead.peek() == '(') {
          words_ = ahead;
          group.events.fetch = parse_fetch_list(words_);
          if (!group.events.fetch || !group.selected()) words_.fail();
        }
      } else if (name == "MESSAGEEXPUNGE") {
        removed = true;
      } else if (name == "FLAGCHANGE") {
        group.events.flags = true;
      } else if (name == "ANNOTATIONCHANGE") {
        annotations = unknown_event_ = true;
      } else if (name == "MAILBOXNAME") {
        group.events.names = true;
      } else if (name == "SUBSCRIPTIONCHANGE") {
        group.events.subscriptions = true;
      } else if (name == "MAILBOXMETADATACHANGE") {
        group.events.metadata = true;
      } else if (name == "SERVERMETADATACHANGE") {
        group.events.server_metadata = true;
      } else {
        unknown_event_ = true;
      }
    };
    // The examples of RFC 5465 leave out the parentheses that its grammar has.
    if (words_.peek() == '(') {
      parenthesised(words_, event);
    } else {
      do event();
      while (words_.ok() && words_.accept(' '));
    }
    // §5: one is not without the other, and changes of messages not without both.
    if (added != removed || ((group.events.flags || annotations) && !added)) words_.fail();
    // §6.1: of the selected mailbox there are events of messages only.
    const NotifyEvents& e = group.events;
    if (group.selected() && (e.names || e.subscriptions || e.metadata || e.server_metadata)) words_.fail();
    group.events.messages = added;
  }

  Words& words_;
  size_t mailboxes_ = 0;
  bool unknown_event_ = false;
};

bool is_of_other(std::string_view name) {
  return name == mailbox::kOtherUsers || name.starts_with(std::string(mailbox::kOtherUsers) + "/");
}

bool matches(const NotifyGroup& group, const std::string& mailbox, const std::set<std::string>& subscribed) {
  const auto named = [&](const std::string& name) {
    return mailbox == name || (group.filter == Filter::kSubtree && mailbox.starts_with(name + "/"));
  };
  switch (group.filter) {
    case Filter::kSelected:
    case Filter::kSelectedDelayed:
      return false;
    case Filter::kInboxes:  // §6.3: a filter may file into each
    case Filter::kPersonal:
      return !is_of_other(mailbox);
    case Filter::kSubscribed:
      return subscribed.contains(mailbox);
    case Filter::kSubtree:
    case Filter::kMailboxes:
      return std::any_of(group.mailboxes.begin(), group.mailboxes.end(), named);
  }
  return false;
}

}  // namespace

const NotifyGroup* NotifyRequest::selected() const {
  for (const NotifyGroup& group : groups)
    if (group.selected()) return &group;
  return nullptr;
}

NotifyEvents NotifyRequest::of(const std::string& mailbox, const std::set<std::string>& subscribed) const {
  NotifyEvents out;
  for (const NotifyGroup& group : groups) {
    if (!matches(group, mailbox, subscribed)) continue;
    out.messages |= group.events.messages;
    out.flags |= group.events.flags;
    out.names |= group.events.names;
    out.subscriptions |= group.events.subscriptions;
    out.metadata |= group.events.metadata;
  }
  return out;
}

bool NotifyRequest::wants_names() const {
  return std::any_of(groups.begin(), groups.end(), [](const NotifyGroup& g) { return g.events.names; });
}
bool NotifyRequest::wants_subscriptions() const {
  return std::any_of(groups.begin(), groups.end(),
                     [](const NotifyGroup& g) { return g.events.subscriptions || g.filter == Filter::kSubscribed; });
}

bool NotifyRequest::wants_metadata() const {
  return std::any_of(groups.begin(), groups.end(),
                     [](const NotifyGroup& g) { return g.events.metadata || g.events.server_metadata; });
}
bool NotifyRequest::wants_server_metadata() const {
  return std::any_of(groups.begin(), groups.end(), [](const NotifyGroup& g) { return g.events.server_metadata; });
}
bool NotifyRequest::may_mean_others(const std::set<std::string>& subscribed) const {
  return std::any_of(groups.begin(), groups.end(), [&](const NotifyGroup& g) {
    return g.events.any() &&
           (std::any_of(g.mailboxes.begin(), g.mailboxes.end(), is_of_other) ||
            (g.filter == Filter::kSubscribed && std::any_of(subscribed.begin(), subscribed.end(), is_of_other)));
  });
}

NotifyParse parse_notify(Words& words) {
  NotifyParse out;
  words.space();
  NotifyRequest request;
  const std::string form = words.name();
  if (form == "NONE") {
    if (words.done()) out.request = std::move(request);
    return out;
  }
  if (form != "SET") return out;
  words.space();
  request.status = words.accept_word("STATUS");
  if (request.status) words.space();
  Parser parser(words);
  do {
    request.groups.push_back(parser.group());
    if (request.groups.size() > kMaxNotifyGroups) words.fail();
  } while (words.ok() && words.accept(' '));
  const auto selected =
      std::count_if(request.groups.begin(), request.groups.end(), [](const NotifyGroup& g) { return g.selected(); });
  if (!words.done() || selected > 1) return out;
  if (parser.unknown_event())
    out.unknown_event = true;
  else
    out.request = std::move(request);
  return out;
}

}  // namespace pabal::access::imap
