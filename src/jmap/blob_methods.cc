// Blob/upload, /get and /lookup (RFC 9404).
#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/standard.h"

namespace pabal::jmap {
namespace {

constexpr std::string_view kBlob = "urn:ietf:params:jmap:blob";
constexpr uint64_t kMaxSizeBlobSet = 5'000'000;  // octets; larger ones come by the upload route
constexpr size_t kMaxDataSources = 64;
constexpr std::string_view kTypeNames[] = {"Email", "Mailbox", "Thread"};

// What is asked of a run of octets.
struct Range {
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};
std::string_view cut(std::string_view octets, const Range& range) {
  return range.offset > octets.size() ? std::string_view()
                                      : octets.substr(range.offset, range.length.value_or(octets.size()));
}
bool reaches_beyond(std::string_view octets, const Range& range) {
  return range.offset > octets.size() || range.length.value_or(0) > octets.size() - range.offset;
}

// --- Blob/upload ---

struct Uploaded {
  std::string id, type, octets;
};

class Uploader {
 public:
  explicit Uploader(Call& call) : call_(call) {}

  Or<Uploaded> read(const json::object& given) {
    Fields in(given);
    const json::array* sources = in.array("data");
    const auto type = in.string("type");
    for (const auto& [name, value] : given)
      if (name != "data" && name != "type") in.note(name);
    if (!sources || sources->size() > kMaxDataSources) in.note("data");
    if (const auto bad = in.bad_properties()) return *bad;
    Uploaded out;
    out.type = safe_type(type.value_or(""));
    for (const json::value& source : *sources) {
      const json::object* one = source.if_object();
      if (!one) return invalid_properties({"data"}, "a DataSourceObject is an object");
      if (const auto bad = add(*one, out.octets)) return *bad;
      if (out.octets.size() > kMaxSizeBlobSet) {
        Failure too_large{"tooLarge", "upload it by HTTP"};
        too_large.more["maxSize"] = kMaxSizeBlobSet;
        return too_large;
      }
    }
    out.id = new_upload_id(call_.services().random);
    return out;
  }
  void made(const std::string& creation, const Uploaded& one) { made_[creation] = &one; }

 private:
  std::optional<Failure> add(const json::object& source, std::string& out) {
    Fields in(source);
    const auto text = in.string("data:asText"), base64 = in.string("data:asBase64"), blob = in.string("blobId");
    const Range range{in.number("offset").value_or(0), in.number("length")};
    if (in.bad_properties() || (text ? 1 : 0) + (base64 ? 1 : 0) + (blob ? 1 : 0) != 1)
      return invalid_properties({"data"}, "a DataSourceObject has one of data:asText, data:asBase64 and blobId");
    if (text) out += *text;
    if (base64) {
      const auto octets = text::unbase64(*base64);
      if (!octets) return invalid_properties({"data"}, "that is no base64");
      out += *octets;
    }
    if (!blob) return {};
    // One of this call, or of before.
    if (const auto here = made_.find(blob->starts_with('#') ? blob->substr(1) : ""); here != made_.end())
      return add_range(here->second->octets, range, out);
    const auto found = read_blob(call_.services(), call_.reader(), call_.account(), call_.id_of(*blob));
    if (!found) return failure_of(found.error());
    if (!*found) return Failure{"blobNotFound", "", {{"notFound", json::array{json::value(*blob)}}}};
    return add_range((*found)->octets, range, out);
  }
  static std::optional<Failure> add_range(std::string_view octets, const Range& range, std::string& out) {
    if (reaches_beyond(octets, range)) return invalid_properties({"data"}, "the range reaches beyond the blob");
    out += cut(octets, range).substr(0, kMaxSizeBlobSet + 1);
    return {};
  }

  Call& call_;
  std::map<std::string, const Uploaded*> made_;
};

Task<Answer> upload(Call& call) {
  Fields in(call.arguments);
  const json::object* create = in.object("create");
  if (!create) in.note("create");
  if (const auto bad = in.bad_arguments()) co_return *bad;
  if (create->size() > kMaxObjectsInSet) co_return Failure{"requestTooLarge", "too many objects at once"};
  std::map<std::string, Uploaded> made;
  json::object created, failed;
  std::function<Result<bool>()> reading = [&]() -> Result<bool> {
    Uploader uploader(call);
    for (const auto& [key, value] : *create) {
      const std::string creation(key);
      Or<Uploaded> one = is_id(creation) && value.is_object()
                             ? uploader.read(value.as_object())
                             : Or<Uploaded>(invalid_properties({}, "an UploadObject is an object"));
      if (!one)
        failed[creation] = one.failure().object();
      else if (!call.spend(one->octets.size()))
        return false;
      else
        uploader.made(creation, made.emplace(creation, std::move(*one)).first->second);
    }
    return true;
  };
  Task<Result<bool>> working = net::run_on<bool>(call.services().pool, call.loop(), reading);
  const Result<bool> fits = co_await working;
  if (!fits) co_return failure_of(fits.error());
  if (!*fits) co_return Failure{"requestTooLarge", "these blobs are too large together"};
  for (const auto& [creation, one] : made) {
    store::Work work = [&call, &uploaded = one](store::Transaction& t) {
      return put_whole_upload(t, call.account().caller, uploaded.id, uploaded.type, uploaded.octets,
                              call.services().clock.now());
    };
    Task<Result<void>> committing = call.commit(work);
    const Result<void> done = co_await committing;
    if (!done) {
      failed[creation] = failure_of(done.error()).object();
      continue;
    }
    call.created(creation, one.id);
    json::object told;
    told["id"] = one.id;
    told["type"] = one.type;
    told["size"] = one.octets.size();
    created[creation] = std::move(told);
  }
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["created"] = created.empty() ? json::value(nullptr) : json::value(std::move(created));
  out["notCreated"] = failed.empty() ? json::value(nullptr) : json::value(std::move(failed));
  co_return out;
}

// --- Blob/get ---

json::object shown(const std::string& id, std::string_view whole, const Range& range,
                   const std::set<std::string>& properties) {
  const std::string_view octets = cut(whole, range);
  const bool text = text::is_utf8(octets);
  const bool some = properties.contains("data"), as_text = properties.contains("data:asText") || (some && text),
             as_base64 = properties.contains("data:asBase64") || (some && !text);
  json::object out;
  out["id"] = id;
  if (as_text) out["data:asText"] = text ? json::value(octets) : json::value(nullptr);
  if (as_base64) out["data:asBase64"] = text::base64(octets);
  if ((as_text || some) && !text) out["isEncodingProblem"] = true;
  if ((as_text || as_base64) && reaches_beyond(whole, range)) out["isTruncated"] = true;
  if (properties.contains("digest:sha-256")) out["digest:sha-256"] = text::base64(sha256(octets));
  if (properties.contains("size")) out["size"] = whole.size();
  return out;
}

Answer get(Call& call) {
  const auto asked = read_get(call, {"id", "data", "data:asText", "data:asBase64", "size", "digest:sha-256",
                                     "isEncodingProblem", "isTruncated"});
  if (!asked) return asked.failure();
  Fields in(call.arguments);
  const Range range{in.number("offset").value_or(0), in.number("length")};
  if (!asked->ids) in.note("ids");
  if (const auto bad = in.bad_arguments()) return *bad;
  const std::set<std::string> properties = asked->properties.value_or(std::set<std::string>{"data", "size"});
  json::array list, not_found;
  for (const std::string& id : *asked->ids) {
    const auto blob = read_blob(call.services(), call.reader(), call.account(), id);
    if (!blob) return failure_of(blob.error());
    if (!*blob) {
      not_found.emplace_back(id);
      continue;
    }
    if (!call.spend(cut((*blob)->octets, range).size()))
      return Failure{"requestTooLarge", "these blobs are too large together; ask for less at a time"};
    list.emplace_back(shown(id, (*blob)->octets, range, properties));
  }
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["list"] = std::move(list);
  out["notFound"] = std::move(not_found);
  return out;
}

// --- Blob/lookup ---

Answer lookup(Call& call) {
  Fields in(call.arguments);
  const auto types = in.strings("typeNames"), ids = in.strings("ids");
  if (!types) in.note("typeNames");
  if (!ids) in.note("ids");
  if (const auto bad = in.bad_arguments()) return *bad;
  if (ids->size() > kMaxObjectsInGet) return Failure{"requestTooLarge", "too many ids at once"};
  for (const std::string& type : *types)
    if (std::find(std::begin(kTypeNames), std::end(kTypeNames), type) == std::end(kTypeNames))
      return Failure{"unknownDataType", "blobs are not looked up in \"" + text::printable(type) + "\""};
  const Account& account = call.account();
  json::array list, not_found;
  for (const std::string& given : *ids) {
    const std::string id = call.id_of(given);
    // The octets of an email, or of a part of it. What was uploaded is in no object.
    const auto number = number_of('B', std::string_view(id).substr(0, id.find('-')));
    const auto m = number ? call.services().mailboxes.message(call.reader(), account.id, *number)
                          : std::optional<mailbox::Message>();
    if (!m) return failure_of(m.error());
    json::array emails, threads, boxes;
    if (*m)
      for (const mailbox::Message::Place& place : (*m)->places)
        if (!place.deleted && account.may(place.mailbox, mailbox::kLookup | mailbox::kRead))
          boxes.emplace_back(mailbox_id(place.mailbox));
    if (!boxes.empty()) {
      emails.emplace_back(email_id((*m)->id));
      threads.emplace_back(thread_id((*m)->thread));
    } else {
      const auto blob = read_blob(call.services(), call.reader(), account, id);
      if (!blob) return failure_of(blob.error());
      if (!*blob) {
        not_found.emplace_back(given);
        continue;
      }
    }
    json::object matched;
    for (const std::string& type : *types)
      matched[type] = type == "Email" ? emails : type == "Thread" ? threads : boxes;
    json::object one;
    one["id"] = id;
    one["matchedIds"] = std::move(matched);
    list.emplace_back(std::move(one));
  }
  json::object out;
  out["accountId"] = account_id(account.id);
  out["list"] = std::move(list);
  out["notFound"] = std::move(not_found);
  return out;
}

}  // namespace

void add_blob_methods(Methods& methods) {
  Capability capability;
  capability.name = kBlob;
  capability.of_account = [](const Services&, const Account&) {
    json::array types;
    for (const std::string_view type : kTypeNames) types.emplace_back(type);
    json::object out;
    out["maxSizeBlobSet"] = kMaxSizeBlobSet;
    out["maxDataSources"] = kMaxDataSources;
    out["supportedTypeNames"] = std::move(types);
    out["supportedDigestAlgorithms"] = json::array{"sha-256"};
    return std::optional(out);
  };
  methods.add(capability);
  const std::string blob(kBlob);
  methods.add(Method{"Blob/upload", blob, {}, upload, {kUploadNeeds.begin(), kUploadNeeds.end()}, "create"});
  methods.add(Method{"Blob/get", blob, get, {}, {kUploadNeeds.begin(), kUploadNeeds.end()}, "offset length"});
  methods.add(Method{"Blob/lookup", blob, lookup, {}, {identity::kMailRead}, "typeNames ids"});
}

}  // namespace pabal::jmap
