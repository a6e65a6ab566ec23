#include <algorithm>

#include "base/text.h"
#include "gmail/uploads.h"

namespace pabal::gmail {

std::optional<ContentRange> parse_content_range(std::string_view text) {
  text = text::trim(text);
  if (!text::istarts_with(text, "bytes ")) return {};
  text = text::trim(text.substr(6));
  const size_t slash = text.find('/');
  if (slash == text.npos) return {};
  const std::string_view range = text.substr(0, slash), total = text.substr(slash + 1);
  ContentRange out;
  if (total != "*") {
    out.total = text::parse_u64(total);
    if (!out.total) return {};
  }
  if (range == "*") return out;
  const size_t dash = range.find('-');
  if (dash == range.npos) return {};
  out.first = text::parse_u64(range.substr(0, dash));
  out.last = text::parse_u64(range.substr(dash + 1));
  if (!out.first || !out.last || *out.first > *out.last || (out.total && *out.last >= *out.total)) return {};
  return out;
}

void Uploads::forget_old(Time now) {
  std::erase_if(uploads_, [&](const auto& entry) {
    if (entry.second.until > now) return false;
    octets_ -= entry.second.octets.size();
    return true;
  });
}

Result<std::string> Uploads::begin(mailbox::AccountId account, std::string path, api::json::value beside) {
  const Time now = clock_.now();
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto own = std::count_if(uploads_.begin(), uploads_.end(),
                                 [&](const auto& entry) { return entry.second.account == account; });
  if (uploads_.size() >= kMaxUploads || static_cast<size_t>(own) >= kMaxUploadsOfOne)
    return Error{Code::kLimit, "Too many uploads are under way; finish some, or try again in an hour"};
  std::string id = text::base64url(random_.bytes(18));
  Upload upload;
  upload.account = account;
  upload.path = std::move(path);
  upload.beside = std::move(beside);
  upload.until = now + kUploadLifetime;
  uploads_.emplace(id, std::move(upload));
  return id;
}

Result<Uploads::Progress> Uploads::add(std::string_view id, mailbox::AccountId account, std::string_view path,
                                       const ContentRange& range, std::string piece, size_t most) {
  const Time now = clock_.now();
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = uploads_.find(id);
  if (found == uploads_.end() || found->second.account != account || found->second.path != path)
    return Error{Code::kNotFound, "There is no such upload, or not any more: begin anew"};
  Upload& upload = found->second;
  upload.until = now + kUploadLifetime;
  Progress out;
  out.answer = upload.answer;
  out.octets = upload.octets.size();
  if (upload.ended && !upload.answer)
    return Error{Code::kUnavailable, "The upload is complete and being worked on: ask again in a moment"};
  if (upload.ended) return out;
  if (range.total) upload.total = range.total;
  if (upload.total && *upload.total > most)
    return Error{Code::kLimit, "The message is larger than " + std::to_string(most) + " octets"};
  if (range.first) {
    if (piece.size() != *range.last - *range.first + 1)
      return Error{Code::kInvalid, "The piece does not have the length that its Content-Range says"};
    if (*range.first > out.octets) return out;  // there is a gap: it is told how far we are
    const size_t known = static_cast<size_t>(std::min<uint64_t>(out.octets - *range.first, piece.size()));
    const size_t fresh = piece.size() - known;
    if (out.octets + fresh > most)
      return Error{Code::kLimit, "The message is larger than " + std::to_string(most) + " octets"};
    if (octets_ + fresh > kMaxUploadOctets)
      return Error{Code::kUnavailable, "Too much is being uploaded at once; try again later"};
    if (upload.total && out.octets + fresh > *upload.total)
      return Error{Code::kInvalid, "More has come than was announced"};
    upload.octets.append(piece, known);
    octets_ += fresh;
    out.octets = upload.octets.size();
  }
  if (!upload.total || out.octets < *upload.total) return out;
  upload.ended = true;
  octets_ -= upload.octets.size();
  out.whole = std::exchange(upload.octets, {});
  out.beside = upload.beside;
  return out;
}

void Uploads::finish(std::string_view id, std::optional<std::string> answer) {
  std::lock_guard lock(mutex_);
  const auto found = uploads_.find(id);
  if (found == uploads_.end()) return;
  if (answer)
    found->second.answer = std::move(answer);
  else
    uploads_.erase(found);
}

}  // namespace pabal::gmail
