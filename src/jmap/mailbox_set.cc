// Mailbox/set (RFC 8621 §2.5). A mailbox is its name among its siblings: below, its whole name is what the mail model
// knows, with the levels parted by slashes.
#include <algorithm>

#include "base/text.h"
#include "jmap/boxes.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/principals.h"
#include "jmap/standard.h"
#include "mailbox/annotations.h"
#include "sharing/notices.h"

namespace pabal::jmap {
namespace {

using mailbox::MailboxId;
using mailbox::Role;

constexpr uint64_t kMaxSortOrder = 0x7fff'ffff;  // RFC 8621 §2: below 2^31

Failure not_allowed(const std::string& what) { return {"forbidden", "you may not " + what}; }

// What a client may say of a mailbox.
struct Wanted {
  std::string name;
  MailboxId parent = 0;
  Role role = Role::kNone;
  std::optional<uint64_t> sort_order;
  bool subscribed = false;
  json::object shares{};  // rights by principals
};
using Principals = std::map<std::string, mailbox::Grantee>;  // by their ids

class MailboxSetter final : public Setter {
 public:
  MailboxSetter(Call& call, bool remove_emails, Principals principals)
      : call_(call), remove_emails_(remove_emails), principals_(std::move(principals)) {}

  Result<std::string> state(const store::Reader& r) override {
    const auto figures = mailboxes().figures(r, account().id);
    if (!figures) return figures.error();
    return state_text(figures->modseq);
  }

  Or<json::object> create(store::Transaction& t, const std::string&, const json::object& object) override {
    if (!call_.caller().may(identity::kMailLabels)) return call_.lacks(identity::kMailLabels);
    Fields in(object);
    const auto wanted = read(in, object, {});
    if (!wanted) return wanted.failure();
    const auto name = whole_name(t, *wanted);
    if (!name) return name.failure();
    if (wanted->role != Role::kNone && !account().own) return not_allowed("give mailboxes of others a role");
    const auto id = mailboxes().create(t, account().id, *name, wanted->role, false);
    if (!id) return name_failure(id.error(), wanted->role);
    if (const auto bad = set_own(t, *id, *name, *wanted, Wanted())) return *bad;
    const mailbox::Rights rights = account().own ? mailbox::kAllRights : account().rights(wanted->parent);
    if (object.contains("shareWith"))
      if (const auto bad = share(t, *id, wanted->role, rights, wanted->shares)) return *bad;
    json::object out;
    out["id"] = mailbox_id(*id);
    for (const char* count : {"totalEmails", "unreadEmails", "totalThreads", "unreadThreads"}) out[count] = 0;
    if (!wanted->sort_order) out["sortOrder"] = default_sort_order(wanted->role);
    if (!object.contains("isSubscribed")) out["isSubscribed"] = false;
    out["myRights"] = rights_object(rights, wanted->role);
    return out;
  }

  Or<json::object> update(store::Transaction& t, const std::string& id, const json::object& patch) override {
    if (!call_.caller().may(identity::kMailLabels)) return call_.lacks(identity::kMailLabels);
    const auto boxes = visible_boxes(call_.services(), t, account(), call_.caller().account);
    if (!boxes) return failure_of(boxes.error());
    const auto found =
        std::find_if(boxes->begin(), boxes->end(), [&](const Box& one) { return mailbox_id(one.box.id) == id; });
    if (found == boxes->end()) return Failure{"notFound"};
    const Wanted was{found->name, found->parent, found->box.role, found->sort_order, found->subscribed};
    json::object before;
    before["id"] = id;
    before["name"] = was.name;
    before["parentId"] = was.parent ? json::value(mailbox_id(was.parent)) : json::value(nullptr);
    before["role"] = was.role == Role::kNone ? json::value(nullptr) : json::value(role_name(was.role));
    before["sortOrder"] = *was.sort_order;
    before["isSubscribed"] = was.subscribed;
    before["myRights"] = rights_object(found->rights, was.role);
    const auto shares = share_with(t, account(), *found);
    if (!shares) return failure_of(shares.error());
    before["shareWith"] = *shares;
    const auto object = patched(before, patch);
    if (!object) return object.failure();
    Fields in(*object);
    const auto wanted = read(in, *object, before);
    if (!wanted) return wanted.failure();

    std::string name = found->box.name;
    if (wanted->name != was.name || wanted->parent != was.parent) {
      if (was.role == Role::kInbox) return not_allowed("rename or move the inbox");
      if (!(found->rights & mailbox::kRemoveMailbox)) return not_allowed("rename or move it");
      const auto whole = whole_name(t, *wanted, wanted->parent == was.parent ? found->box.id : 0);
      if (!whole) return whole.failure();
      if (const auto done = mailboxes().rename(t, account().id, found->box.id, *whole); !done)
        return name_failure(done.error(), Role::kNone);
      name = *whole;
    }
    if (wanted->role != was.role) {
      if (!account().own) return not_allowed("give mailboxes of others a role");
      if (const auto done = mailboxes().set_role(t, account().id, found->box.id, wanted->role); !done)
        return done.code() == Code::kDenied ? not_allowed("change the role of the inbox")
                                            : invalid_properties({"role"}, done.error().message);
    }
    // A subscription goes along with a mailbox of one's own that is renamed.
    if (const auto bad = set_own(t, found->box.id, name, *wanted, was)) return *bad;
    if (wanted->shares != (shares->is_object() ? shares->as_object() : json::object()))
      if (const auto bad = share(t, found->box.id, wanted->role, found->rights, wanted->shares)) return *bad;
    return json::object();
  }

  std::optional<Failure> destroy(store::Transaction& t, const std::string& id) override {
    if (!call_.caller().may(identity::kMailLabels)) return call_.lacks(identity::kMailLabels);
    const auto box = mailbox_of(id);
    const auto found = box && account().may(*box, mailbox::kLookup) ? mailboxes().get(t, account().id, *box)
                                                                    : std::optional<mailbox::Mailbox>();
    if (!found) return failure_of(found.error());
    if (!*found) return Failure{"notFound"};
    if ((*found)->role == Role::kInbox || !account().may(*box, mailbox::kRemoveMailbox))
      return not_allowed("destroy it");
    const auto all = mailboxes().list(t, account().id);
    if (!all) return failure_of(all.error());
    for (const mailbox::Mailbox& one : *all)
      if (one.name.starts_with((*found)->name + "/"))
        return Failure{"mailboxHasChild", "there are mailboxes below it; destroy them first"};
    if (!remove_emails_ && (*found)->messages > (*found)->deleted)
      return Failure{"mailboxHasEmail", "there are emails in it, and onDestroyRemoveEmails is not set"};
    if ((*found)->messages > 0) {
      if (!account().may(*box, mailbox::kDeleteMessages | mailbox::kExpunge))
        return not_allowed("take emails out of it");
      if (!call_.caller().may(identity::kMailDelete)) return call_.lacks(identity::kMailDelete);
    }
    if (const auto done = mailboxes().remove(t, account().id, *box); !done) return failure_of(done.error());
    return {};
  }

 private:
  const Account& account() const { return call_.account(); }
  mailbox::Mailboxes& mailboxes() const { return call_.services().mailboxes; }

  // `before`: what may stand there as it is.
  Or<Wanted> read(Fields& in, const json::object& object, const json::object& before) const {
    Wanted out;
    for (const auto& [name, value] : object) {
      const bool ours = name == "name" || name == "parentId" || name == "role" || name == "sortOrder" ||
                        name == "isSubscribed" || name == "shareWith";
      if (!ours && (!before.contains(name) || before.at(name) != value)) in.note(name);
    }
    for (const char* fixed : {"id", "myRights"})
      if (before.contains(fixed) && !object.contains(fixed)) in.note(fixed);
    const auto name = in.string("name"), parent = in.string("parentId"), role = in.string("role");
    out.sort_order = in.number("sortOrder");
    out.subscribed = in.boolean("isSubscribed", false);
    // One whose parent is gone has a name of several levels, and may keep it.
    const bool same = name && before.contains("name") && before.at("name") == json::value(*name);
    if (!name || name->empty() || (!same && name->find('/') != name->npos))
      in.note("name");
    else
      out.name = *name;
    if (parent) {
      const auto id = mailbox_of(call_.id_of(*parent));
      if (!id) in.note("parentId");
      out.parent = id.value_or(0);
    }
    if (role) {
      const auto known = role_named(*role);
      if (!known) in.note("role");
      out.role = known.value_or(Role::kNone);
    }
    if (const json::object* shares = in.object("shareWith")) out.shares = *shares;
    for (const auto& [who, rights] : out.shares)
      if (!rights_in(rights)) in.note("shareWith");
    if (out.sort_order.value_or(0) > kMaxSortOrder) in.note("sortOrder");
    if (const auto bad = in.bad_properties()) return *bad;
    return out;
  }

  // `stays`: the mailbox that is renamed below the same parent, or at the top; 0: something comes below the parent.
  Or<std::string> whole_name(const store::Reader& r, const Wanted& wanted, MailboxId stays = 0) const {
    if (wanted.parent == 0) {
      if (!account().own && stays == 0) return not_allowed("make mailboxes at the top of others' accounts");
      if (account().own) return wanted.name;
      // What the caller sees at the top may lie below what he does not see.
      const auto box = mailboxes().get(r, account().id, stays);
      if (!box) return failure_of(box.error());
      const size_t slash = *box ? (*box)->name.rfind('/') : std::string::npos;
      return slash == std::string::npos ? wanted.name : (*box)->name.substr(0, slash + 1) + wanted.name;
    }
    const auto parent = account().may(wanted.parent, mailbox::kLookup) ? mailboxes().get(r, account().id, wanted.parent)
                                                                       : std::optional<mailbox::Mailbox>();
    if (!parent) return failure_of(parent.error());
    if (!*parent) return invalid_properties({"parentId"}, "there is no such mailbox");
    if (stays == 0 && !account().may(wanted.parent, mailbox::kCreateBelow)) return not_allowed("make mailboxes there");
    return (*parent)->name + "/" + wanted.name;
  }

  static Failure name_failure(const Error& error, Role role) {
    const bool taken = role != Role::kNone && error.code == Code::kExists && error.message.ends_with("use already");
    if (taken) return invalid_properties({"role"}, error.message);
    if (error.code == Code::kExists || error.code == Code::kInvalid || error.code == Code::kLimit)
      return invalid_properties({"name"}, error.message);
    return failure_of(error);
  }

  // What each caller has of his own.
  std::optional<Failure> set_own(store::Transaction& t, MailboxId box, const std::string& name, const Wanted& wanted,
                                 const Wanted& was) const {
    const mailbox::AccountId caller = call_.caller().account.id;
    if (wanted.sort_order && wanted.sort_order != was.sort_order) {
      const mailbox::Annotation order{std::string(kSortOrder), std::to_string(*wanted.sort_order)};
      if (const auto done = mailbox::annotate(t, {account().id, box}, caller, {order}); !done)
        return failure_of(done.error());
    }
    if (wanted.subscribed != was.subscribed)
      if (const auto done = mailboxes().subscribe(t, caller, subscribed_name(account(), name), wanted.subscribed);
          !done)
        return failure_of(done.error());
    return {};
  }

  // RFC 9670 §4. Entries that stay as they are shown keep rights that JMAP has no name for.
  std::optional<Failure> share(store::Transaction& t, MailboxId box, Role role, mailbox::Rights rights,
                               const json::object& wanted) const {
    if (!(rights & mailbox::kAdminister)) return not_allowed("say whom it is shared with");
    if (!call_.caller().may(identity::kMailSharing)) return Call::lacks(identity::kMailSharing);
    const auto acl = mailbox::acl(t, account().id, box);
    if (!acl) return failure_of(acl.error());
    sharing::RightsChange change{account().id, box, {}, false, '=', 0, call_.caller().account.id};
    std::set<std::string> known;
    for (const mailbox::Grant& grant : *acl) {
      if (grant.negative) continue;
      const std::string id = principal_id(grant.who);
      known.insert(id);
      const json::value* now = wanted.if_contains(id);
      if (now && *now == json::value(rights_object(grant.rights, role))) continue;
      change.who = grant.who, change.rights = now ? *rights_in(*now) : mailbox::Rights{0};
      if (const auto bad = apply(t, change)) return bad;
    }
    for (const auto& [id, now] : wanted) {
      if (known.contains(std::string(id))) continue;
      const auto who = principals_.find(std::string(id));
      const bool owner = who != principals_.end() && who->second.kind == mailbox::Grantee::Kind::kAccount &&
                         who->second.account == account().id;
      if (who == principals_.end() || owner)
        return invalid_properties({"shareWith"}, owner ? "the owner has all rights" : "there is no such principal");
      change.who = who->second, change.rights = *rights_in(now);
      if (const auto bad = apply(t, change)) return bad;
    }
    return {};
  }
  std::optional<Failure> apply(store::Transaction& t, const sharing::RightsChange& change) const {
    const Services& services = call_.services();
    const auto done = sharing::change_rights(services.directory, mailboxes(), t, change, services.clock.now());
    return done ? std::nullopt : std::optional(failure_of(done.error()));
  }

  Call& call_;
  const bool remove_emails_;
  const Principals principals_;
};

bool names_shares(const Call& call) {
  for (const char* kind : {"create", "update"}) {
    const json::value* all = call.arguments.if_contains(kind);
    if (!all || !all->is_object()) continue;
    for (const auto& [id, object] : all->as_object())
      if (object.is_object())
        for (const auto& [name, value] : object.as_object())
          if (std::string_view(name).starts_with("shareWith")) return true;
  }
  return false;
}

// Whom the caller may name, where he names somebody: looked up before the transaction, which is short.
Task<Result<Principals>> principals_named(Call& call) {
  if (!names_shares(call)) co_return Principals();
  std::function<Result<Principals>()> look = [&call]() -> Result<Principals> {
    const auto all = principals_of(call.services(), call.reader(), call.caller(), call.accounts());
    if (!all) return all.error();
    Principals out;
    for (const Principal& one : *all) out[one.id] = one.who;
    return out;
  };
  Task<Result<Principals>> looking = net::run_on<Principals>(call.services().pool, call.loop(), look);
  co_return co_await looking;
}

// Those below others come first, so that one call can destroy a tree.
void children_first(Call& call) {
  json::value* given = call.arguments.if_contains("destroy");
  json::array* ids = given ? given->if_array() : nullptr;
  const auto all = ids ? call.services().mailboxes.list(call.reader(), call.account().id)
                       : Result<std::vector<mailbox::Mailbox>>(std::vector<mailbox::Mailbox>());
  if (!all || !ids) return;
  std::map<std::string, size_t> depth;
  for (const mailbox::Mailbox& one : *all)
    depth[mailbox_id(one.id)] = static_cast<size_t>(std::count(one.name.begin(), one.name.end(), '/')) + 1;
  std::vector<std::pair<size_t, size_t>> order;  // how far from the deepest, place among those given
  for (size_t i = 0; i < ids->size(); ++i) {
    const json::string* id = (*ids)[i].if_string();
    const auto found = id ? depth.find(call.id_of(std::string_view(*id))) : depth.end();
    order.emplace_back(SIZE_MAX - (found == depth.end() ? 0 : found->second), i);
  }
  std::sort(order.begin(), order.end());
  json::array sorted;
  for (const auto& [level, i] : order) sorted.push_back(std::move((*ids)[i]));
  *ids = std::move(sorted);
}

Task<Answer> mailbox_set(Call& call) {
  Fields in(call.arguments);
  const bool remove_emails = in.boolean("onDestroyRemoveEmails", false);
  if (const auto bad = in.bad_arguments()) co_return *bad;
  children_first(call);
  Task<Result<Principals>> looking = principals_named(call);
  Result<Principals> principals = co_await looking;
  if (!principals) co_return failure_of(principals.error());
  MailboxSetter setter(call, remove_emails, std::move(*principals));
  Task<Answer> setting = run_set(call, setter);
  Answer answer = co_await setting;
  co_return answer;
}

}  // namespace

void add_mailbox_set(Methods& methods) {
  methods.add(
      Method{"Mailbox/set", std::string(kMail), {}, mailbox_set, {identity::kMailLabels}, "onDestroyRemoveEmails"});
}

}  // namespace pabal::jmap
