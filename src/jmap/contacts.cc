#include "jmap/contacts.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"

namespace pabal::jmap {
namespace {

constexpr size_t kMaxBookName = 255;       // octets (RFC 9610 §2)
constexpr size_t kMaxDescription = 5'000;  // octets

constexpr const char* kAlone = "contacts are not shared";

json::object rights(bool may_delete) {
  return {{"mayRead", true}, {"mayWrite", true}, {"mayShare", false}, {"mayDelete", may_delete}};
}

bool is_default(const json::object& book) {
  const json::value* value = book.if_contains("isDefault");
  return value && *value == json::value(true);
}

json::object shaped_book(const objects::Object&, json::object stored) {
  const bool main = is_default(stored);
  if (!stored.contains("description")) stored["description"] = nullptr;
  if (!stored.contains("sortOrder")) stored["sortOrder"] = 0;
  if (!stored.contains("isSubscribed")) stored["isSubscribed"] = true;
  stored["isDefault"] = main;
  stored["shareWith"] = nullptr;
  stored["myRights"] = rights(!main);
  return stored;
}

json::object shaped_card(const objects::Object&, json::object stored) { return stored; }

// There is always a default address book.
Task<std::optional<Failure>> keep_book(Call& call) {
  const mailbox::AccountId account = call.account().id;
  const auto state = objects::state(call.reader(), account, objects::Kind::kAddressBook);
  if (!state) co_return failure_of(state.error());
  if (state->objects > 0) co_return std::nullopt;
  store::Work making = [account](store::Transaction& t) -> Result<void> {
    const auto now = objects::state(t, account, objects::Kind::kAddressBook);
    if (!now || now->objects > 0) return now ? Result<void>() : now.error();
    const auto id = objects::add(t, account, objects::Kind::kAddressBook, R"({"name":"Contacts","isDefault":true})");
    return id ? Result<void>() : id.error();
  };
  Task<Result<void>> committing = call.commit(making);
  const Result<void> done = co_await committing;
  if (!done) co_return failure_of(done.error());
  co_return std::nullopt;
}

// --- address books --------------------------------------------------------------------------------------------------

class BookSetter final : public CollectionSetter {
 public:
  BookSetter(Call& call, bool remove_contents)
      : CollectionSetter(call, book_type()), remove_contents_(remove_contents) {}

 protected:
  Or<json::object> checked(store::Transaction& t, const json::object* before, json::object wanted) override {
    std::vector<std::string> bad;
    json::object out;
    const bool main = before && is_default(*before);
    for (auto& [name, value] : wanted) {
      bool good = false;
      if (name == "name")
        good = value.is_string() && !value.as_string().empty() && value.as_string().size() <= kMaxBookName;
      else if (name == "description")
        good = value.is_null() || (value.is_string() && value.as_string().size() <= kMaxDescription);
      else if (name == "sortOrder")
        good = unsigned_int(value).value_or(UINT64_MAX) <= INT32_MAX;
      else if (name == "isSubscribed")
        good = value.is_bool();
      else if (name == "isDefault")
        good = value == json::value(main);
      else if (name == "shareWith")
        good = value.is_null();
      if (!good) bad.emplace_back(name);
      if (good && name != "isDefault" && !value.is_null()) out[name] = std::move(value);
    }
    if (!out.contains("name") && std::find(bad.begin(), bad.end(), "name") == bad.end()) bad.emplace_back("name");
    if (!bad.empty()) return invalid_properties(std::move(bad));
    if (main) out["isDefault"] = true;
    if (before) return out;
    const auto state = objects::state(t, account(), type_.kind);
    if (!state) return failure_of(state.error());
    if (state->objects >= kMaxAddressBooks) return Failure{"overQuota", "there are too many address books"};
    return out;
  }
  json::object told(const json::object& stored) const override {
    json::object whole = shaped_book({}, stored), out;
    for (auto& [name, value] : whole)
      if (!stored.contains(name)) out[name] = value;
    return out;
  }
  std::optional<Failure> leaving(store::Transaction& t, objects::ObjectId id, const json::object& stored) override {
    if (is_default(stored))
      return Failure{"forbidden", "the default address book stays; make another the default before"};
    const std::string book = object_id(type_, id);
    const auto cards = objects::all(t, account(), objects::Kind::kCard);
    if (!cards) return failure_of(cards.error());
    for (const objects::Object& card : *cards) {
      json::object value = stored_json(card);
      json::value* books = value.if_contains("addressBookIds");
      if (!books || !books->is_object() || !books->as_object().contains(book)) continue;
      if (!remove_contents_) return Failure{"addressBookHasContents", "there are cards in it"};
      books->as_object().erase(book);
      const auto done = books->as_object().empty()
                            ? objects::remove(t, account(), objects::Kind::kCard, card.id)
                            : objects::put(t, account(), objects::Kind::kCard, card.id, api::to_text(value));
      if (!done) return failure_of(done.error());
    }
    return {};
  }

 private:
  const bool remove_contents_;
};

// onSuccessSetIsDefault (RFC 9610 §2.3): what cannot be is left as it was, in silence.
Task<void> set_default(Call& call, std::string given, json::object& answer) {
  for (const char* failed : {"notCreated", "notUpdated", "notDestroyed"})
    if (!answer[failed].is_null()) co_return;
  const std::string wanted = call.id_of(given);
  const mailbox::AccountId account = call.account().id;
  const auto changed = std::make_shared<std::map<std::string, bool>>();
  store::Work changing = [account, wanted, changed](store::Transaction& t) -> Result<void> {
    changed->clear();
    const auto books = objects::all(t, account, objects::Kind::kAddressBook);
    if (!books) return books.error();
    const bool there = std::any_of(books->begin(), books->end(), [&](const objects::Object& one) {
      return object_id(book_type(), one.id) == wanted;
    });
    for (const objects::Object& one : *books) {
      json::object value = stored_json(one);
      const std::string id = object_id(book_type(), one.id);
      if (!there || is_default(value) == (id == wanted)) continue;
      value["isDefault"] = id == wanted;
      if (const auto put = objects::put(t, account, objects::Kind::kAddressBook, one.id, api::to_text(value)); !put)
        return put;
      (*changed)[id] = id == wanted;
    }
    return {};
  };
  Task<Result<void>> committing = call.commit(changing);
  const Result<void> done = co_await committing;
  if (!done) co_return;
  for (const auto& [id, main] : *changed) {
    bool was_created = false;
    if (json::object* created = answer["created"].if_object())
      for (auto& [creation, object] : *created)
        if (json::object* one = object.if_object(); one && (*one)["id"] == json::value(id)) {
          (*one)["isDefault"] = main;
          was_created = true;
        }
    if (was_created) continue;
    if (!answer["updated"].is_object()) answer["updated"] = json::object();
    json::value& told = answer["updated"].as_object()[id];
    if (!told.is_object()) told = json::object();
    told.as_object()["isDefault"] = main;
  }
  const auto state = objects::state(call.reader(), account, objects::Kind::kAddressBook);
  if (state) answer["newState"] = state_of(state->modseq);
}

Task<Answer> book_get(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Task<std::optional<Failure>> keeping = keep_book(call);
  const auto failed = co_await keeping;
  if (failed) co_return *failed;
  co_return get_objects(call, book_type(), shaped_book);
}

Answer book_changes(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  return object_changes(call, book_type());
}

Task<Answer> book_set(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Fields in(call.arguments);
  const bool remove_contents = in.boolean("onDestroyRemoveContents", false);
  const auto main = in.string("onSuccessSetIsDefault");
  if (const auto bad = in.bad_arguments()) co_return *bad;
  Task<std::optional<Failure>> keeping = keep_book(call);
  const auto failed = co_await keeping;
  if (failed) co_return *failed;
  BookSetter setter(call, remove_contents);
  Task<Answer> setting = run_set(call, setter);
  Answer answer = co_await setting;
  if (answer && main) {
    Task<void> changing = set_default(call, *main, *answer);
    co_await changing;
  }
  co_return answer;
}

// --- cards ----------------------------------------------------------------------------------------------------------

class CardSetter final : public CollectionSetter {
 public:
  explicit CardSetter(Call& call) : CollectionSetter(call, card_type()) {}
  void begin() override { uids_.reset(); }

 protected:
  Or<json::object> checked(store::Transaction& t, const json::object* before, json::object wanted) override {
    const std::string now = utc_date(call_.services().clock.now());
    if (!wanted.contains("@type")) wanted["@type"] = "Card";
    if (!wanted.contains("version")) wanted["version"] = "1.0";
    if (!wanted.contains("uid") && !before) wanted["uid"] = "urn:uuid:" + new_uuid();
    if (!wanted.contains("created") && !before) wanted["created"] = now;
    const bool touched = !before || wanted != *before;
    if (touched && (!wanted.contains("updated") ||
                    (before && before->contains("updated") && wanted.at("updated") == before->at("updated"))))
      wanted["updated"] = now;
    if (auto bad = take_pictures(t, wanted)) return *bad;
    std::vector<std::string> bad = card_faults(wanted);
    if (const auto failed = check_books(t, wanted, bad)) return *failed;
    if (before && wanted.contains("uid") && before->at("uid") != wanted.at("uid")) bad.emplace_back("uid");
    if (!bad.empty()) return invalid_properties(std::move(bad));
    if (api::to_text(wanted).size() > kMaxCardOctets) return Failure{"tooLarge", "a card has half a megabyte at most"};
    if (!before)
      if (const auto failed = check_uid(t, std::string(wanted.at("uid").as_string()))) return *failed;
    return wanted;
  }
  json::object told(const json::object& stored) const override {
    json::object out;
    for (const char* name : {"@type", "version", "uid", "created", "updated"}) out[name] = stored.at(name);
    return out;
  }
  std::optional<Failure> leaving(store::Transaction&, objects::ObjectId, const json::object& stored) override {
    if (uids_) uids_->erase(std::string(stored.at("uid").as_string()));
    return {};
  }

 private:
  // RFC 9562 §5.4.
  std::string new_uuid() const {
    std::array<uint8_t, 16> octets{};
    call_.services().random.fill(octets);
    octets[6] = static_cast<uint8_t>((octets[6] & 0x0f) | 0x40);
    octets[8] = static_cast<uint8_t>((octets[8] & 0x3f) | 0x80);
    std::string out = text::hex(std::string(octets.begin(), octets.end()));
    for (const size_t at : {8u, 13u, 18u, 23u}) out.insert(at, "-");
    return out;
  }
  // A card is in one of the books at least. Creation ids stand for books of this request.
  std::optional<Failure> check_books(store::Transaction& t, json::object& card, std::vector<std::string>& bad) {
    const json::value* given = card.if_contains("addressBookIds");
    json::object real;
    bool good = given && given->is_object() && !given->as_object().empty();
    for (const auto& [id, value] : good ? given->as_object() : json::object()) {
      const std::string book = call_.id_of(id);
      const auto number = object_number(book_type(), book);
      const auto found =
          number ? objects::get(t, account(), objects::Kind::kAddressBook, *number) : std::optional<objects::Object>();
      if (!found) return failure_of(found.error());
      good = good && *found;
      real[book] = value;
    }
    if (good)
      card["addressBookIds"] = std::move(real);
    else
      bad.emplace_back("addressBookIds");
    return {};
  }
  // RFC 9610 §3: media may name a blob; it is kept as a data: URI. Pictures only.
  std::optional<Failure> take_pictures(store::Transaction& t, json::object& card) {
    json::value* media = card.if_contains("media");
    if (!media || !media->is_object()) return {};
    for (auto& [key, one] : media->as_object()) {
      const json::string* id = api::string_member(one, "blobId");
      if (!id) continue;
      const auto blob = read_blob(call_.services(), t, call_.account(), call_.id_of(*id));
      if (!blob) return failure_of(blob.error());
      if (!*blob) return invalid_properties({"media"}, "there is no such blob");
      if (!(*blob)->type.starts_with("image/")) return invalid_properties({"media"}, "a picture is an image");
      if ((*blob)->octets.size() > kMaxCardOctets) return Failure{"tooLarge", "the picture is too large"};
      json::object& object = one.as_object();
      object.erase("blobId");
      object["mediaType"] = (*blob)->type;
      object["uri"] = "data:" + (*blob)->type + ";base64," + text::base64((*blob)->octets);
    }
    return {};
  }
  // RFC 9610 §3: no two cards of an account have one uid.
  std::optional<Failure> check_uid(store::Transaction& t, const std::string& uid) {
    if (!uids_) {
      uids_.emplace();
      const auto done = objects::each(t, account(), type_.kind, [&](objects::Object&& object) {
        const json::object card = stored_json(object);
        if (const json::value* one = card.if_contains("uid"); one && one->is_string()) uids_->emplace(one->as_string());
        return true;
      });
      if (!done) return failure_of(done.error());
    }
    if (uids_->size() >= kMaxCards) return Failure{"overQuota", "there are too many cards"};
    if (!uids_->insert(uid).second) return Failure{"alreadyExists", "there is a card of that uid"};
    return {};
  }

  std::optional<std::set<std::string>> uids_;  // as this transaction sees them
};

Answer card_read(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  if (call.name() == "ContactCard/get") return get_objects(call, card_type(), shaped_card);
  if (call.name() == "ContactCard/changes") return object_changes(call, card_type());
  const Querying how{
      card_type(),          shaped_card,  {"created", "updated", "name/given", "name/surname", "name/surname2"},
      check_card_condition, card_matches, card_sort_key};
  return query_objects(call, how, call.name() == "ContactCard/queryChanges");
}

Task<Answer> card_set(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Task<std::optional<Failure>> keeping = keep_book(call);
  const auto failed = co_await keeping;
  if (failed) co_return *failed;
  CardSetter setter(call);
  Task<Answer> setting = run_set(call, setter);
  co_return co_await setting;
}

// RFC 8620 §5.4. An account with contacts is one's own, and the two must differ.
Answer card_copy(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  Fields in(call.arguments);
  const auto from = in.string("fromAccountId");
  if (!from) in.note("fromAccountId");
  if (const auto bad = in.bad_arguments()) return *bad;
  const Account* other = call.account(*from);
  if (!other) return Failure{"fromAccountNotFound"};
  if (other->own) return invalid_arguments("fromAccountId and accountId are the same");
  return Failure{"fromAccountNotSupportedByMethod", "contacts are not shared"};
}

}  // namespace

const Type& book_type() {
  static const Type type{
      objects::Kind::kAddressBook,
      "K",
      {"id", "name", "description", "sortOrder", "isDefault", "isSubscribed", "shareWith", "myRights"}};
  return type;
}

const Type& card_type() {
  static const Type type{objects::Kind::kCard, "C", {}};
  return type;
}

void add_contacts(Methods& methods) {
  Capability capability;
  capability.name = kContacts;
  capability.of_account = [](const Services&, const Account& account) -> std::optional<json::object> {
    if (!account.own) return {};
    json::object out;
    out["maxAddressBooksPerCard"] = nullptr;
    out["mayCreateAddressBook"] = true;
    return out;
  };
  methods.add(capability);
  const std::string contacts(kContacts);
  const std::string_view all = identity::kMailboxes;
  methods.add(Method{"AddressBook/get", contacts, {}, book_get});
  methods.add(Method{"AddressBook/changes", contacts, book_changes});
  methods.add(
      Method{"AddressBook/set", contacts, {}, book_set, {all}, "onDestroyRemoveContents onSuccessSetIsDefault"});
  for (const char* name : {"get", "changes", "query", "queryChanges"})
    methods.add(Method{"ContactCard/" + std::string(name), contacts, card_read});
  methods.add(Method{"ContactCard/set", contacts, {}, card_set, {all}});
  methods.add(Method{"ContactCard/copy", contacts, card_copy});
}

}  // namespace pabal::jmap
