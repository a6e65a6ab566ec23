// Annotations: named values on mailboxes and on the server as a whole (RFC 5464).
//
// An entry is "/private/..." (each account has its own value) or "/shared/..." (one value for all who may see the
// mailbox). Shared ones are kept in the account that owns the mailbox, private ones in the account that set them, and
// count against the limits of that account. Those of a mailbox go with it: it keeps them when it is renamed. Who may
// read and set what is for the caller to decide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

constexpr size_t kMaxAnnotationName = 255;
constexpr size_t kMaxAnnotationOctets = 64 << 10;  // of one value
constexpr size_t kMaxAnnotations = 10'000;         // that one account keeps
constexpr size_t kMaxAnnotationsOctets = 4 << 20;  // names and values together

struct Annotated {
  AccountId owner = 0;
  MailboxId mailbox = 0;
  friend auto operator<=>(const Annotated&, const Annotated&) = default;
};
constexpr Annotated kTheServer{};  // no account has the number 0

// The name in lower case, as all functions here want it (names have no case); nothing when it is none: RFC 5464 §3.2.
std::optional<std::string> annotation_name(std::string_view given);
// Likewise for the start of names: "/shared", "/private/vendor/x".
std::optional<std::string> annotation_prefix(std::string_view given);
inline bool is_private(std::string_view entry) { return entry.starts_with("/private/"); }

struct Annotation {
  std::string entry;
  std::optional<std::string> value;  // nothing takes it away
};
// `who` is whose private ones are meant.
Result<std::optional<std::string>> annotation(const store::Reader& r, const Annotated& on, AccountId who,
                                              std::string_view entry);
// `entry` if there is one, and all below it, in order.
Result<std::vector<Annotation>> annotations(const store::Reader& r, const Annotated& on, AccountId who,
                                            std::string_view entry);
// All or none. Leaves change records in the accounts that keep them, but for those of the server. kNotFound: the
// mailbox; kLimit: too many, or too large.
Result<void> annotate(store::Transaction& t, const Annotated& on, AccountId who,
                      const std::vector<Annotation>& changes);

// What has changed in what one account (0: the server) keeps: the count of its changes, and of each entry the count
// when it changed last.
Result<uint64_t> annotation_changes(const store::Reader& r, AccountId keeper);
struct AnnotationStamp {
  Annotated on;
  std::string entry;
  uint64_t changed = 0;
};
Result<std::vector<AnnotationStamp>> annotation_stamps(const store::Reader& r, AccountId keeper);
// `changed` runs on the committer's thread after changes of what the server keeps: no account's feed tells of them.
std::unique_ptr<store::Store::Watch> watch_server_annotations(store::Store& store, std::function<void()> changed);

}  // namespace pabal::mailbox
