// Binary data (RFC 8620 §6). A blob id is "B12", the octets of email E12; "Ux", an upload, "V3", a script; and with
// "-3" behind, or several of these, the decoded content of the third entity (from 0, in the order of the message) of
// the message that the octets before are: "B12-3-1".
//
// Uploads lie in the store in pieces, with expiry: each for a day, unless its account needs the room after an hour.
// They are in the account of whoever uploads, for any account he sees; nobody else reads them. What refers to a blob
// keeps its own octets, so nothing is held.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string>

#include "jmap/methods.h"
#include "web/router.h"

namespace pabal::jmap {

constexpr size_t kMaxUploads = 1'000;                 // of one account at once
constexpr uint64_t kMaxUploadedOctets = 500'000'000;  // of one account at once
constexpr hours kUploadLife{24};
constexpr hours kUploadKept{1};           // at least
constexpr size_t kUploadPiece = 1 << 20;  // octets of one record
constexpr size_t kMaxBlobDepth = 8;       // messages in messages

// A token that covers one of these may upload: for emails and scripts, or to look into what it has uploaded.
constexpr std::array<std::string_view, 4> kUploadNeeds{identity::kMailRead, identity::kMailInsert,
                                                       identity::kMailDrafts, identity::kMailSettings};

struct Blob {
  std::string octets;
  std::string type;  // "text/plain"; of a message "message/rfc822"
};

std::string blob_id(mailbox::MessageId message);
// Of the `entity`-th entity of the message that `blob` is.
std::string part_id(std::string_view blob, size_t entity);

// Nothing: there is none, or not for the one who asks: by his rights, or by what his token covers.
Result<std::optional<Blob>> read_blob(const Services& services, const store::Reader& r, const Account& account,
                                      std::string_view id);

// Uploads. The pieces first, in transactions of their own or in one; then the upload as a whole, which is there from
// then on. kLimit: the account has too many, or too much.
std::string new_upload_id(Random& random);
void put_piece(store::Transaction& t, mailbox::AccountId account, std::string_view id, uint32_t number,
               std::string_view octets, Time now);
Result<void> put_upload(store::Transaction& t, mailbox::AccountId account, std::string_view id, std::string_view type,
                        uint64_t size, Time now);
// All at once: of up to a few MB.
Result<void> put_whole_upload(store::Transaction& t, mailbox::AccountId account, std::string_view id,
                              std::string_view type, std::string_view octets, Time now);

// What is safe to say of a type that a stranger has named: "type/subtype" and perhaps a charset; else
// application/octet-stream.
std::string safe_type(std::string_view given);

// The routes /jmap/upload/{accountId}/ and /jmap/download/{accountId}/{blobId}/{name}.
class BlobRoutes {
 public:
  explicit BlobRoutes(Services& services) : services_(services) {}
  void add_to(web::Router& router);

 private:
  Task<web::Response> upload(web::Request request);
  Task<web::Response> receive(web::Request request, const Account& account);
  Task<web::Response> download(web::Request request);
  Task<Result<void>> commit(net::Loop& loop, store::Work work);

  Services& services_;
  std::mutex mutex_;
  std::map<mailbox::AccountId, size_t> under_way_;  // uploads of each caller
};

}  // namespace pabal::jmap
