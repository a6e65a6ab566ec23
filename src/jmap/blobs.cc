#include "jmap/blobs.h"

#include <algorithm>

#include "base/codec.h"
#include "base/id.h"
#include "base/text.h"
#include "jmap/dispatch.h"
#include "jmap/fields.h"
#include "jmap/ids.h"
#include "jmap/sieve_scripts.h"
#include "message/message.h"

namespace pabal::jmap {
namespace {

constexpr uint8_t kVersion = 1;

// A ACCOUNT U 'r' ID: an upload as a whole. A ACCOUNT U 'd' ID NUMBER: a piece of its octets.
Encoder key(mailbox::AccountId account, char kind) {
  Encoder out;
  out.u8('A').u32(account).u8('U').u8(static_cast<uint8_t>(kind));
  return out;
}
std::string upload_key(mailbox::AccountId account, std::string_view id) { return key(account, 'r').raw(id).take(); }
std::string piece_key(mailbox::AccountId account, std::string_view id, uint32_t number) {
  return key(account, 'd').raw(id).u32(number).take();
}

struct Upload {
  std::string id, type;
  uint64_t size = 0;
  Time made;
};

std::optional<Upload> decode(std::string_view id, std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Upload out;
  out.id = id;
  out.size = in.varint();
  out.made = from_micros(static_cast<int64_t>(in.varint()));
  out.type = in.string();
  return in.ok() ? std::optional(out) : std::nullopt;
}

Result<std::vector<Upload>> uploads(const store::Reader& r, mailbox::AccountId account) {
  std::vector<Upload> out;
  const std::string prefix = upload_key(account, "");
  const auto scanned = r.scan(store::Range::prefix(prefix), [&](std::string_view found, std::string_view record) {
    if (auto one = decode(found.substr(prefix.size()), record)) out.push_back(std::move(*one));
    return true;
  });
  if (!scanned) return scanned.error();
  return out;
}

uint32_t pieces_of(uint64_t size) { return static_cast<uint32_t>((size + kUploadPiece - 1) / kUploadPiece); }

Result<std::optional<Blob>> read_upload(const store::Reader& r, mailbox::AccountId account, std::string_view id) {
  const auto record = r.get(upload_key(account, id));
  if (!record) return record.error();
  const auto upload = *record ? decode(id, **record) : std::nullopt;
  if (!upload) return std::optional<Blob>();
  Blob out{{}, upload->type};
  out.octets.reserve(upload->size);
  for (uint32_t i = 0; i < pieces_of(upload->size); ++i) {
    const auto piece = r.get(piece_key(account, id, i));
    if (!piece) return piece.error();
    if (!*piece) return std::optional<Blob>();
    out.octets += **piece;
  }
  if (out.octets.size() != upload->size) return std::optional<Blob>();
  return std::optional(std::move(out));
}

const message::Part* entity(const message::Part& part, size_t& left) {
  if (left == 0) return &part;
  --left;
  for (const message::Part& child : part.children)
    if (const message::Part* found = entity(child, left)) return found;
  return nullptr;
}

// Of a message inside a message the octets are its own; others are decoded.
Blob content_of(std::string_view bytes, const message::Part& part) {
  Blob out{{}, part.type + "/" + part.subtype};
  if (!part.is_multipart()) out.octets = message::decode_body(part.body(bytes), part.encoding);
  return out;
}

}  // namespace

std::string blob_id(mailbox::MessageId message) { return "B" + std::to_string(message); }
std::string part_id(std::string_view blob, size_t number) { return std::string(blob) + "-" + std::to_string(number); }

Result<std::optional<Blob>> read_blob(const Services& services, const store::Reader& r, const Account& account,
                                      std::string_view id) {
  std::optional<Blob> out;
  if (!is_id(id)) return out;
  const std::vector<std::string_view> parts = text::split(id, '-');
  if (parts.size() > kMaxBlobDepth + 1) return out;
  std::vector<size_t> numbers;
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto number = text::parse_u64(parts[i]);
    if (!number || *number > message::kMaxParts) return out;
    numbers.push_back(*number);
  }
  size_t at = 0;
  if (const auto message = number_of('B', parts[0]); message && account.reads_mail) {
    const auto found = services.mailboxes.message(r, account.id, *message);
    if (!found) return found.error();
    const bool seen = *found && std::any_of((*found)->places.begin(), (*found)->places.end(), [&](const auto& place) {
      return !place.deleted && account.may(place.mailbox, mailbox::kLookup | mailbox::kRead);
    });
    if (!seen) return out;
    if (numbers.empty()) {
      auto whole = services.mailboxes.content(r, account.id, *message);
      if (!whole) return whole.error();
      return std::optional(Blob{std::move(*whole), "message/rfc822"});
    }
    // The structure is at hand.
    const auto details = services.mailboxes.details(r, account.id, *message);
    if (!details) return details.error();
    const auto body = services.mailboxes.body(r, (*found)->body);
    if (!body) return body.error();
    size_t left = numbers[at++];
    const message::Part* part = *details ? entity((*details)->structure.root, left) : nullptr;
    if (!part) return out;
    out = content_of(*body, *part);
  } else if (parts[0].starts_with('U')) {
    auto upload = read_upload(r, account.caller, parts[0]);
    if (!upload || !*upload) return upload;
    out = std::move(*upload);
  } else if (parts[0].starts_with('V') && account.own && account.reads_scripts) {
    auto script = read_script(services, r, account.id, parts[0]);
    if (!script || !*script) return script;
    out = std::move(*script);
  } else
    return out;
  for (; at < numbers.size(); ++at) {
    const message::Message parsed = message::parse(out->octets);
    size_t left = numbers[at];
    const message::Part* part = entity(parsed.root, left);
    if (!part) return std::optional<Blob>();
    out = content_of(out->octets, *part);
  }
  return out;
}

std::string new_upload_id(Random& random) { return "U" + id_text(random.next_u64()) + id_text(random.next_u64()); }

void put_piece(store::Transaction& t, mailbox::AccountId account, std::string_view id, uint32_t number,
               std::string_view octets, Time now) {
  t.put_until(piece_key(account, id, number), octets, now + kUploadLife);
}

Result<void> put_upload(store::Transaction& t, mailbox::AccountId account, std::string_view id, std::string_view type,
                        uint64_t size, Time now) {
  auto known = uploads(t, account);
  if (!known) return known.error();
  std::sort(known->begin(), known->end(), [](const Upload& a, const Upload& b) { return a.made < b.made; });
  uint64_t octets = size;
  for (const Upload& one : *known) octets += one.size;
  size_t count = known->size() + 1;
  // RFC 8620 §6: those older than an hour may go, the oldest first.
  for (const Upload& one : *known) {
    if ((count <= kMaxUploads && octets <= kMaxUploadedOctets) || one.made + kUploadKept > now) break;
    for (uint32_t i = 0; i < pieces_of(one.size); ++i) t.erase(piece_key(account, one.id, i));
    t.erase(upload_key(account, one.id));
    octets -= one.size;
    --count;
  }
  if (count > kMaxUploads || octets > kMaxUploadedOctets)
    return Error{Code::kLimit, "there are too many uploads; try again in an hour"};
  t.put_until(upload_key(account, id),
              Encoder().u8(kVersion).varint(size).varint(static_cast<uint64_t>(to_micros(now))).string(type).view(),
              now + kUploadLife);
  return {};
}

Result<void> put_whole_upload(store::Transaction& t, mailbox::AccountId account, std::string_view id,
                              std::string_view type, std::string_view octets, Time now) {
  for (uint32_t i = 0; i < pieces_of(octets.size()); ++i)
    put_piece(t, account, id, i, octets.substr(i * kUploadPiece, kUploadPiece), now);
  return put_upload(t, account, id, type, octets.size(), now);
}

std::string safe_type(std::string_view given) {
  const auto is_token = [](std::string_view s) {
    return !s.empty() && s.size() <= 127 && std::all_of(s.begin(), s.end(), [](char c) {
      return text::is_alnum(c) || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
    });
  };
  const std::vector<std::string_view> parts = text::split(given, ';');
  const std::string_view type = text::trim(parts[0]);
  const size_t slash = type.find('/');
  if (slash == type.npos || !is_token(type.substr(0, slash)) || !is_token(type.substr(slash + 1)))
    return "application/octet-stream";
  std::string out = text::lowered(type);
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::string_view parameter = text::trim(parts[i]);
    if (text::istarts_with(parameter, "charset=") && is_token(parameter.substr(8)))
      out += "; charset=" + std::string(parameter.substr(8));
  }
  return out;
}

// --- Blob/copy (RFC 8620 §6.3) ---

namespace {

Task<Answer> copy(Call& call) {
  Fields in(call.arguments);
  const auto from_id = in.string("fromAccountId");
  const auto ids = in.strings("blobIds");
  if (!from_id) in.note("fromAccountId");
  if (!ids) in.note("blobIds");
  if (const auto bad = in.bad_arguments()) co_return *bad;
  if (ids->size() > kMaxObjectsInSet) co_return Failure{"requestTooLarge", ""};
  const Account* from = call.account(*from_id);
  if (!from) co_return Failure{"fromAccountNotFound", ""};
  json::object copied, failed;
  for (const std::string& id : *ids) {
    std::function<Result<std::optional<Blob>>()> read = [&] {
      return read_blob(call.services(), call.reader(), *from, call.id_of(id));
    };
    Task<Result<std::optional<Blob>>> reading =
        net::run_on<std::optional<Blob>>(call.services().pool, call.loop(), read);
    const Result<std::optional<Blob>> blob = co_await reading;
    if (!blob) co_return failure_of(blob.error());
    if (!*blob) {
      failed[id] = Failure{"notFound", ""}.object();
      continue;
    }
    const std::string made = new_upload_id(call.services().random);
    store::Work work = [&](store::Transaction& t) {
      return put_whole_upload(t, call.account().caller, made, (*blob)->type, (*blob)->octets,
                              call.services().clock.now());
    };
    Task<Result<void>> committing = call.commit(work);
    const Result<void> done = co_await committing;
    if (done)
      copied[id] = made;
    else
      failed[id] = failure_of(done.error()).object();
  }
  json::object out;
  out["fromAccountId"] = *from_id;
  out["accountId"] = account_id(call.account().id);
  out["copied"] = copied.empty() ? json::value(nullptr) : json::value(std::move(copied));
  out["notCopied"] = failed.empty() ? json::value(nullptr) : json::value(std::move(failed));
  co_return out;
}

}  // namespace

void add_blobs(Methods& methods) {
  Method method;
  method.name = "Blob/copy";
  method.capability = kCore;
  method.run = copy;
  method.takes = "fromAccountId blobIds";
  method.standard = false;
  methods.add(method);
}

}  // namespace pabal::jmap
