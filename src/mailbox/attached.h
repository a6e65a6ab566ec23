// The text of attached files, PDF and office, joins the words of a message some time after its delivery, which waits
// for none of it: filing notes that there are such files; a job of the program reads them, with a reader of its own,
// and puts their words in. Queries find them in texts without a field, and in the body; so do IMAP's TEXT and BODY,
// which may match flexibly (RFC 9051 §6.4.4; find_in_files() of search.h). Attached text/* parts are text of the
// message already.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

constexpr size_t kMaxFilesRead = 10;         // of one message
constexpr size_t kMaxFileOctets = 40 << 20;  // of one file, as it is encoded: larger ones are not read

// The parts of a message that may be files with text, by type or name.
std::vector<const message::Part*> files_with_text(const message::Part& root);

struct FilesWait {
  AccountId account = 0;
  MessageId message = 0;
};
// Messages whose files are not read yet, of all accounts.
Result<std::vector<FilesWait>> files_waiting(const store::Reader& r, size_t limit);
// Tells when such a message has come; as Store::watch().
std::unique_ptr<store::Store::Watch> watch_files(store::Store& store, std::function<void()> came);
// They are: `texts` is what they have. Of a message that is gone meanwhile nothing is kept.
Result<void> put_file_texts(store::Transaction& t, const FilesWait& of, const std::vector<std::string>& texts);

}  // namespace pabal::mailbox
