// Messages whose sets have no expected trees of their own, or only the types of their parts: GMime's and imaptest's
// mailboxes (messages between "From " lines), Crispin's torture test, and messages of other parsers' tests. Trees that
// are said here were read from the messages; an independent parser (the email package of CPython) sees the same ones.
#include "message/corpus_test.h"
#include "message/tree_test.h"

namespace pabal::message {
namespace {

// Messages of an mbox file, without their "From " lines.
std::vector<std::string> messages_of(const std::string& mbox) {
  std::vector<std::string> out;
  for (size_t at = 0; at < mbox.size();) {
    const size_t begin = mbox.find('\n', at) + 1;
    const size_t next = mbox.find("\nFrom ", begin);
    out.push_back(mbox.substr(begin, next == mbox.npos ? next : next + 1 - begin));
    at = next == mbox.npos ? mbox.size() : next + 1;
  }
  return out;
}

void add_types(const Part& part, std::string indent, std::string& out) {
  out += indent + "Content-Type: " + part.type + "/" + part.subtype + "\n";
  for (const Part& child : part.children) add_types(child, indent + "   ", out);
}

TEST(GmimeCorpus, BoundariesThatArePrefixesGiveTheExpectedTypes) {
  PABAL_NEEDS_CORPUS("gmime/mbox/input");
  const auto messages = messages_of(corpus::read(corpus::folder("gmime/mbox/input/substring.mbox")));
  ASSERT_EQ(messages.size(), 3u);
  std::string expected = corpus::read(corpus::folder("gmime/mbox/output/substring.mbox"));
  for (size_t i = 0; i < messages.size(); ++i) {
    std::string ours;
    const Message m = parse(messages[i]);
    EXPECT_EQ(broken_promise(messages[i], m), "");
    add_types(m.root, "", ours);
    const size_t begin = expected.find("Content-Type:"), end = expected.find("\n\n", begin);
    const std::string theirs = expected.substr(begin, end + 1 - begin);
    expected.erase(0, end + 1);
    // The third has boundary="": RFC 2046 §5.1.1 wants one character at least, and "--" alone begins many a signature.
    EXPECT_EQ(ours, i < 2 ? theirs : "Content-Type: multipart/mixed\n");
  }
}

TEST(ImaptestCorpus, ABoundaryThatIsFoldedIsUnfolded) {
  PABAL_NEEDS_CORPUS("imaptest");
  const auto messages = messages_of(corpus::read(corpus::folder("imaptest/fetch-bodystructure.mbox")));
  ASSERT_EQ(messages.size(), 1u);
  // imaptest's script wants (("text" "x-myown" ("charset" "us-ascii") NIL NIL "7bit" 7 1) "mixed") of it.
  const std::string bytes = corpus::with_crlf(messages[0]);
  const Message m = parse(bytes);
  ASSERT_EQ(m.root.children.size(), 1u);
  const Part& text = m.root.children[0];
  EXPECT_EQ(text.type + "/" + text.subtype, "text/x-myown");
  EXPECT_EQ(text.charset(), "us-ascii");
  EXPECT_EQ(text.body_size, 7u);
  EXPECT_EQ(text.body_lines, 1u);
}

TEST(ImaptestCorpus, EveryMessageKeepsThePromises) {
  PABAL_NEEDS_CORPUS("imaptest");
  size_t count = 0;
  for (const auto& path : corpus::files(corpus::folder("imaptest"), {".mbox"}))
    for (const std::string& bytes : messages_of(corpus::read(path))) {
      const Message m = parse(bytes);
      EXPECT_EQ(broken_promise(bytes, m), "") << path;
      ++count;
    }
  EXPECT_GT(count, 100u);
}

// "multipart/mixed(text/plain message/rfc822(text/plain))"
std::string shape(const Part& p) {
  std::string out = p.type + "/" + p.subtype;
  for (const Part& child : p.children) out += (&child == &p.children.front() ? "(" : " ") + shape(child);
  return p.children.empty() ? out : out + ")";
}

constexpr std::pair<const char*, const char*> kShapes[] = {
    {"MimeKit/messages/body.3.txt", "multipart/alternative(text/html text/plain)"},
    {"MimeKit/messages/body.4.txt", "multipart/related(text/html image/gif image/jpeg)"},
    {"MimeKit/messages/body.5.txt",
     "multipart/alternative(multipart/related(text/html image/gif image/jpeg) text/plain)"},
    {"MimeKit/messages/body.7.txt",
     "multipart/mixed(multipart/related(multipart/alternative(text/html text/plain) image/gif image/jpeg) text/plain)"},
    {"MimeKit/messages/body.8.txt", "multipart/mixed(text/plain text/html application/octet-stream)"},
    {"MimeKit/messages/body.9.txt", "multipart/mixed(text/html text/plain application/octet-stream)"},
    {"MimeKit/messages/bounce.txt",
     "multipart/report(text/plain message/delivery-status message/rfc822(multipart/alternative(text/plain "
     "text/html)))"},
    {"MimeKit/messages/delivery-status-multiple-blank-lines.txt",
     "multipart/report(text/plain message/delivery-status)"},
    {"MimeKit/messages/delivery-status-no-blank-line.txt",
     "multipart/report(message/delivery-status message/rfc822(text/plain))"},
    {"MimeKit/messages/empty-multipart.txt", "multipart/mixed(multipart/alternative text/plain)"},
    {"MimeKit/messages/epilogue.txt", "multipart/mixed(text/plain application/postscript)"},
    {"MimeKit/messages/multipart-digest.txt",
     "message/rfc822(multipart/digest(message/rfc822(text/plain) message/rfc822(text/plain)))"},
    {"MimeKit/messages/rfc2060.txt",
     "multipart/mixed(text/plain application/octet-stream message/rfc822(multipart/mixed(text/plain "
     "application/octet-stream)) multipart/mixed(image/gif message/rfc822(multipart/mixed(text/plain "
     "multipart/alternative(text/plain text/richtext)))))"},
    {"enmime/dsn_with_multipart_alternative.raw",
     "multipart/report(multipart/alternative(text/plain text/html) message/delivery-status "
     "message/rfc822(text/plain))"},
    {"enmime/low-quality/bad-final-boundary.raw",
     "multipart/mixed(text/plain application/x-zip-compressed text/plain)"},
    {"enmime/low-quality/empty-header.raw", "multipart/alternative(text/plain text/plain)"},
    {"enmime/low-quality/html-only-inline.raw", "multipart/alternative(multipart/related(text/html image/png))"},
    {"enmime/low-quality/incorrect-charset.raw", "multipart/alternative(text/plain)"},
    {"enmime/low-quality/malformed-base64-attach.raw", "multipart/mixed(text/plain application/msword)"},
    {"enmime/low-quality/unk-charset-part.raw", "multipart/mixed(text/plain application/x-zip-compressed)"},
    {"enmime/mail/attachment.raw", "multipart/mixed(text/plain text/html)"},
    {"enmime/mail/ctype-bug.raw", "multipart/alternative(text/plain text/html)"},
    {"enmime/mail/html-mime-bad-charset-inline.raw",
     "multipart/alternative(text/plain multipart/related(text/html image/png))"},
    {"enmime/mail/inlinemultipart.raw", "multipart/mixed(text/plain application/pdf text/plain)"},
    {"enmime/mail/mime-duplicate-param.raw", "multipart/mixed(text/plain application/pdf)"},
    {"enmime/mail/mime-mixed-related.raw",
     "multipart/mixed(multipart/related(multipart/alternative(text/html)) multipart/alternative(text/html))"},
    {"enmime/mail/mime-mixed.raw", "multipart/mixed(text/plain text/plain)"},
    {"enmime/mail/mime-signed.raw",
     "multipart/mixed(multipart/signed(text/plain application/pgp-signature) text/plain)"},
    {"enmime/mail/other-parts.raw", "multipart/mixed(text/plain image/gif)"},
    {"enmime/mail/unknown-part-type.raw", "multipart/abcdefghi(text/plain image/gif)"},
    {"enmime/multi_recipient_dsn.raw",
     "multipart/report(text/plain message/delivery-status message/rfc822(text/plain))"},
    {"enmime/parts/badboundary.raw", "multipart/alternative(text/plain text/html text/plain)"},
    {"enmime/parts/multiother.raw", "multipart/x-enmime(text/plain text/plain)"},
    {"enmime/parts/nestedmulti.raw",
     "multipart/alternative(text/plain multipart/related(text/html text/plain text/plain))"},
    {"enmime/parts/similar-boundary.raw", "multipart/mixed(text/plain multipart/alternative(text/plain text/html))"},
    {"enmime/simple_dsn_with_html.raw",
     "multipart/report(text/html message/delivery-status message/rfc822(text/plain))"},
    {"flanker/messages/apache-message-news-mime.eml", "multipart/mixed(text/plain message/news)"},
    {"flanker/messages/attached-pdf.eml", "multipart/mixed(multipart/alternative(text/plain) application/pdf)"},
    {"flanker/messages/bounce/mailbox-full.eml",
     "multipart/report(text/plain message/delivery-status text/rfc822-headers)"},
    {"flanker/messages/complaints/aol.eml",
     "multipart/report(text/plain message/feedback-report message/rfc822(text/plain))"},
    {"flanker/messages/enclosed-bad-encoding.eml",
     "multipart/mixed(text/plain message/rfc822(multipart/alternative(text/plain text/html)))"},
    {"flanker/messages/enclosed-global.eml",
     "multipart/mixed(text/plain message/global(multipart/alternative(text/plain text/html)))"},
    {"flanker/messages/iphone.eml", "multipart/mixed(text/plain image/jpeg text/plain)"},
    {"flanker/messages/mailgun-pic.eml", "multipart/mixed(multipart/alternative(text/plain text/html) image/png)"},
    {"flanker/messages/message-external-body.eml",
     "multipart/mixed(text/plain multipart/alternative(message/external-body message/external-body))"},
    {"flanker/messages/multipart.eml", "multipart/alternative(text/plain multipart/related(text/html))"},
    {"flanker/messages/signed.eml", "multipart/signed(application/plain application/x-pkcs7-signature)"},
    {"jsmime/charsets",
     "multipart/mixed(text/plain text/plain text/plain text/plain text/plain text/plain text/plain text/plain "
     "text/plain text/plain text/plain text/plain)"},
    {"jsmime/multipart-base64-1", "multipart/mixed(text/plain)"},
    {"jsmime/multipart-base64-2", "multipart/mixed(text/html)"},
    {"jsmime/multipart-complex2",
     "multipart/mixed(multipart/related(multipart/digest(multipart/alternative(application/octet-stream))) text/plain "
     "text/html)"},
    {"jsmime/multipartmalt-detach",
     "multipart/alternative(text/plain multipart/related(text/html text/plain text/plain) text/plain)"},
    {"jsmime/shift-jis-image", "multipart/mixed(text/plain image/png)"},
    {"mail/attachment_emails/attachment_content_disposition.eml", "multipart/mixed(text/plain text/x-ruby-script)"},
    {"mail/attachment_emails/attachment_content_location.eml", "multipart/mixed(text/plain image/jpeg)"},
    {"mail/attachment_emails/attachment_message_rfc822.eml",
     "multipart/mixed(text/plain message/rfc822(multipart/mixed(text/plain application/pdf)))"},
    {"mail/attachment_emails/attachment_message_rfc822_inline_image.eml",
     "multipart/mixed(multipart/related(multipart/alternative(text/html) image/png) message/rfc822(multipart/mixed))"},
    {"mail/error_emails/content_transfer_encoding_text-html.eml", "multipart/alternative(text/html)"},
    {"mail/mime_emails/email_with_similar_boundaries.eml",
     "multipart/mixed(multipart/alternative(text/plain text/html) application/octetstream)"},
    {"mail/mime_emails/raw_email2.eml", "multipart/mixed(text/plain application/pkcs7-signature)"},
    {"mail/mime_emails/raw_email_with_binary_encoded.eml", "multipart/alternative(image/jpeg)"},
    {"mail/mime_emails/sig_only_email.eml", "multipart/signed(text/plain application/pgp-signature)"},
    {"mailparser/decoderended.eml",
     "multipart/mixed(multipart/alternative(text/plain text/html) message/rfc822(text/plain))"},
    {"mailparser/mixed.eml", "multipart/mixed(multipart/alternative(text/plain text/html) text/plain)"},
    {"mailparser/nodemailer.eml",
     "multipart/mixed(multipart/alternative(text/plain text/watch-html multipart/related(text/html image/png "
     "image/gif)) text/plain)"},
    {"php-mime-mail-parser/failure.eml", "multipart/report(multipart/alternative(text/plain))"},
    {"php-mime-mail-parser/issue115",
     "multipart/mixed(multipart/related(multipart/alternative(text/plain text/html) image/gif image/gif) text/plain)"},
    {"php-mime-mail-parser/issue149",
     "multipart/mixed(multipart/alternative(text/plain text/html) application/octet-stream)"},
    {"php-mime-mail-parser/issue158a", "multipart/mixed(text/html message/rfc822(text/plain))"},
    {"php-mime-mail-parser/issue158b", "multipart/mixed(text/plain message/rfc822(text/html))"},
    {"php-mime-mail-parser/m0026", "multipart/mixed(text/plain text/plain text/plain)"},
    {"php-mime-mail-parser/m0028",
     "multipart/mixed(text/plain text/plain text/plain text/plain text/plain text/plain text/plain text/plain "
     "text/plain text/plain text/plain)"},
    {"jsmime/mime-torture",
     "multipart/mixed(text/plain "
     "message/rfc822(multipart/alternative(text/plain multipart/mixed(text/richtext) application/andrew-inset)) "
     "message/rfc822(audio/basic) audio/basic image/pbm "
     "message/rfc822(multipart/mixed(multipart/mixed(text/plain audio/x-sun) "
     "multipart/mixed(image/gif image/gif application/x-be2 application/atomicmail) audio/x-sun)) "
     "message/rfc822(multipart/mixed(text/plain image/pgm text/plain)) "
     "message/rfc822(multipart/mixed(text/plain image/pbm)) "
     "message/rfc822(application/postscript) image/gif "
     "message/rfc822(multipart/mixed(audio/basic audio/basic)) "
     "message/rfc822(multipart/mixed(application/postscript text/plain "
     "message/rfc822(multipart/mixed(text/plain multipart/parallel(image/gif audio/basic) application/atomicmail "
     "message/rfc822(audio/x-sun))))))"},
};

TEST(OtherCorpora, MessagesHaveTheirTrees) {
  PABAL_NEEDS_CORPUS("jsmime");
  for (const auto& [file, expected] : kShapes) {
    if (!std::filesystem::exists(corpus::folder(file))) continue;
    const std::string bytes = corpus::read(corpus::folder(file));
    EXPECT_EQ(shape(parse(bytes).root), expected) << file;
    EXPECT_EQ(shape(parse(corpus::with_crlf(bytes)).root), expected) << file << " with CRLF";
  }
}

TEST(OtherCorpora, OneTextInTwoEncodingsIsTheSame) {
  PABAL_NEEDS_CORPUS("jsmime");
  // Of the torture test: one sound as quoted-printable and as base64.
  const std::string bytes = corpus::read(corpus::folder("jsmime/mime-torture"));
  const Message m = parse(bytes);
  const auto& sounds = m.root.children.at(10).children.at(0).children;
  ASSERT_EQ(sounds.size(), 2u);
  EXPECT_GT(sounds[0].body_size, 1'000u);
  EXPECT_EQ(part_content(bytes, sounds[0]), part_content(bytes, sounds[1]));
}

TEST(OtherCorpora, EveryCharsetOfJsmimeIsRead) {
  PABAL_NEEDS_CORPUS("jsmime");
  const std::string bytes = corpus::read(corpus::folder("jsmime/charsets"));
  const Message m = parse(bytes);
  ASSERT_EQ(m.root.children.size(), 12u);
  for (const Part& part : m.root.children) {
    EXPECT_TRUE(part.charset().empty() || knows_charset(part.charset())) << part.charset();
    const std::string text = part_text(bytes, part);
    EXPECT_FALSE(text.empty()) << part.charset();
    EXPECT_EQ(text.find("\xEF\xBF\xBD"), text.npos) << part.charset() << ": " << text;
  }
}

}  // namespace
}  // namespace pabal::message
