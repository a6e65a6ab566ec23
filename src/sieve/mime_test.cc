#include <gtest/gtest.h>

#include "message/message.h"
#include "sieve/test_script.h"

namespace pabal::sieve {
namespace {

constexpr std::string_view kMime =
    "From: a@example.org\r\n"
    "To: b@example.org\r\n"
    "Subject: Report\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=outer\r\n"
    "\r\n"
    "The prologue\r\n"
    "--outer\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "caf=E9 and MONEY\r\n"
    "--outer\r\n"
    "Content-Type: text/html\r\n"
    "\r\n"
    "<p>Win <b>big</b></p>\r\n"
    "--outer\r\n"
    "Content-Type: application/x-msdownload; name=setup.exe\r\n"
    "Content-Disposition: attachment; filename=\"setup.exe\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "TVqQ\r\n"
    "--outer\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: Inner\r\n"
    "\r\n"
    "Inner text\r\n"
    "--outer--\r\n"
    "The epilogue\r\n";

TEST(SieveBody, LooksIntoTheBody) {  // RFC 5173
  const auto body = [](std::string_view test) { return holds("\"body\"", "body " + std::string(test), kMime); };
  EXPECT_EQ(body(":contains \"money\""), "yes");
  EXPECT_EQ(body(":text :contains \"caf\xC3\xA9\""), "yes");
  EXPECT_EQ(body(":contains \"win big\""), "yes");
  EXPECT_EQ(body(":contains \"<b>\""), "no");
  EXPECT_EQ(body(":raw :contains \"caf=E9\""), "yes");
  EXPECT_EQ(body(":raw :contains \"Subject: Report\""), "no");
  EXPECT_EQ(body(":raw :contains \"The epilogue\""), "yes");
  EXPECT_EQ(body(":content \"text/html\" :contains \"<b>big\""), "yes");
  EXPECT_EQ(body(":content \"text\" :contains \"caf\xC3\xA9\""), "yes");
  EXPECT_EQ(body(":content \"application/x-msdownload\" :contains \"MZ\""), "yes");
  EXPECT_EQ(body(":content \"audio\" :contains \"\""), "no");
  EXPECT_EQ(body(":content \"multipart\" :contains \"prologue\""), "yes");
  EXPECT_EQ(body(":content \"multipart\" :contains \"MONEY\""), "no");
  EXPECT_EQ(body(":content \"message/rfc822\" :contains \"subject: inner\""), "yes");
  EXPECT_EQ(body(":content \"message/rfc822\" :contains \"inner text\""), "no");
  EXPECT_EQ(
      did("require [\"body\", \"variables\", \"fileinto\"]; if body :matches \"*\" { fileinto \"<${0}>\"; }", kMime),
      "fileinto <>");
}

TEST(SieveMime, TestsPartsOfTheMessage) {  // RFC 5703 §4
  const auto mime = [](std::string_view test) { return holds("\"mime\"", test, kMime); };
  EXPECT_EQ(mime("header :mime :type \"content-type\" \"multipart\""), "yes");
  EXPECT_EQ(mime("header :mime :subtype \"content-type\" \"html\""), "no");
  EXPECT_EQ(mime("header :mime :anychild :subtype \"content-type\" \"html\""), "yes");
  EXPECT_EQ(mime("header :mime :anychild :contenttype \"content-type\" \"text/html\""), "yes");
  EXPECT_EQ(mime("header :mime :anychild :param \"filename\" :matches \"content-disposition\" \"*.exe\""), "yes");
  EXPECT_EQ(mime("header :mime :anychild :param [\"x\", \"name\"] :is \"content-type\" \"setup.com\""), "no");
  EXPECT_EQ(mime("exists :mime :anychild \"content-disposition\""), "yes");
  EXPECT_EQ(mime("exists :mime \"content-disposition\""), "no");
  EXPECT_EQ(mime("header :mime :anychild \"subject\" \"inner\""), "yes");
}

std::string loops(std::string_view script) {
  return did(
      "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\", \"fileinto\", \"replace\", \"enclose\"];" +
          std::string(script),
      kMime);
}

TEST(SieveMime, LoopsOverParts) {  // RFC 5703 §3
  EXPECT_EQ(loops("set \"n\" \"\"; foreverypart { set \"n\" \"${n}x\"; } fileinto \"${n}\";"), "fileinto xxxxxx");
  EXPECT_EQ(loops("foreverypart { if header :mime :subtype \"content-type\" \"html\" { extracttext :first 7 \"t\"; "
                  "break; } } fileinto \"${t}\";"),
            "fileinto Win big");
  EXPECT_EQ(loops("foreverypart { if header :mime :type \"content-type\" \"text\" { extracttext :first 4 :upper \"t\"; "
                  "break; } } "
                  "fileinto \"${t}\";"),
            "fileinto CAF\xC3\x89");
  // The inner loop has the parts of the outer one's part.
  EXPECT_EQ(loops("set \"n\" \"\"; foreverypart { set \"n\" \"${n}o\"; foreverypart { set \"n\" \"${n}i\"; } } "
                  "fileinto \"${n}\";"),
            "fileinto oiiiiiooooio");
  EXPECT_EQ(
      loops("foreverypart :name \"all\" { foreverypart { fileinto \"in\"; break :name \"all\"; } fileinto \"out\"; }"),
      "fileinto in");
  EXPECT_NE(loops("foreverypart { break :name \"other\"; }").find("no loop \"other\" around"), std::string::npos);
  EXPECT_EQ(loops("foreverypart { if header \"subject\" \"report\" { fileinto \"main header\"; break; } }"),
            "fileinto main header");
  EXPECT_EQ(loops("foreverypart { stop; } discard;"), "implicit keep");
}

std::string edited(std::string_view script, std::string_view letter = kMime) {
  const Ran ran = run_script(
      "require [\"foreverypart\", \"mime\", \"replace\", \"enclose\", \"editheader\", \"body\", \"fileinto\", "
      "\"variables\", \"copy\"];" +
          std::string(script),
      letter);
  if (!ran.faults.empty() || ran.outcome.error) return ran.done();
  const auto& message = ran.outcome.actions.back().message;
  return message ? *message : "unchanged";
}

TEST(SieveReplace, PutsTextInThePlaceOfParts) {  // RFC 5703 §5
  EXPECT_EQ(edited("keep;"), "unchanged");
  const std::string out = edited(
      "foreverypart { if header :mime :param \"filename\" :matches \"content-disposition\" \"*.exe\" { replace "
      "\"Removed.\"; } }");
  const message::Message parsed = message::parse(out);
  ASSERT_EQ(parsed.root.children.size(), 4u);
  EXPECT_EQ(message::part_text(out, parsed.root.children[2]), "Removed.");
  EXPECT_EQ(message::part_text(out, parsed.root.children[1]), "Win big\n");
  EXPECT_EQ(out.find("setup.exe"), out.npos);
  const std::string whole =
      edited("replace :subject \"New\" \"J\xC3\xB6rg\"; if body :contains \"j\xC3\xB6rg\" { keep; }");
  const message::Message all = message::parse(whole);
  EXPECT_EQ(all.summary.subject, "New");
  EXPECT_NE(whole.find("Original-Subject: Report\r\n"), whole.npos);
  EXPECT_EQ(message::part_text(whole, all.root), "J\xC3\xB6rg");
  EXPECT_TRUE(all.root.children.empty());
  const std::string mime = edited("replace :mime \"Content-Type: text/html\r\n\r\n<i>x</i>\";");
  EXPECT_EQ(message::parse(mime).root.subtype, "html");
}

TEST(SieveEnclose, MakesTheMessageAnAttachment) {  // RFC 5703 §6
  const std::string out = edited("enclose :subject \"Warning\" \"Look out\";");
  const message::Message parsed = message::parse(out);
  EXPECT_EQ(parsed.summary.subject, "Warning");
  ASSERT_EQ(parsed.root.children.size(), 2u);
  EXPECT_EQ(message::part_text(out, parsed.root.children[0]), "Look out");
  ASSERT_TRUE(parsed.root.children[1].is_message());
  EXPECT_EQ(parsed.root.children[1].children[0].header(out), kMime.substr(0, kMime.find("\r\n\r\n") + 4));
}

TEST(SieveEditHeader, AddsAndDeletesFields) {  // RFC 5293
  const std::string_view plain = "A: 1\r\nReceived: x\r\nB: one\r\nB: two\r\nB: =?utf-8?q?tr=C3=AFs?=\r\n\r\nbody\r\n";
  EXPECT_EQ(edited("addheader \"X-New\" \"v\";", plain), "X-New: v\r\n" + std::string(plain));
  EXPECT_EQ(edited("addheader :last \"X-New\" \"a\r\nb\";", "A: 1\r\n\r\nbody"), "A: 1\r\nX-New: a  b\r\n\r\nbody");
  EXPECT_EQ(edited("deleteheader \"b\";", plain), "A: 1\r\nReceived: x\r\n\r\nbody\r\n");
  EXPECT_EQ(edited("deleteheader :index 1 :last \"b\"; deleteheader \"a\";", plain),
            "Received: x\r\nB: one\r\nB: two\r\n\r\nbody\r\n");
  EXPECT_EQ(edited("deleteheader :contains \"b\" [\"wo\", \"tr\xC3\xAFs\"];", plain),
            "A: 1\r\nReceived: x\r\nB: one\r\n\r\nbody\r\n");
  EXPECT_EQ(edited("deleteheader :index 1 \"b\" \"two\";", plain), "unchanged");
  EXPECT_EQ(edited("deleteheader \"received\";", plain), "unchanged");
  EXPECT_EQ(edited("addheader \"C\" \"3\";", "body without header"), "C: 3\r\n\r\nbody without header");
  EXPECT_EQ(edited("addheader \"C\" \"3\"; if header \"c\" \"3\" { deleteheader \"c\"; }", "A: 1\r\n\r\nb"),
            "A: 1\r\n\r\nb");
  EXPECT_NE(edited("set \"n\" \"a b\"; addheader \"${n}\" \"x\";").find("ERROR"), std::string::npos);
  std::string many;
  for (int i = 0; i < 600; ++i) many += "addheader \"X\" \"y\";";
  EXPECT_NE(edited(many).find("edits the message too often"), std::string::npos);
}

TEST(SieveEditHeader, ActionsKeepTheMessageOfTheirTime) {
  const Ran ran = run_script(
      "require [\"editheader\", \"fileinto\"]; fileinto \"a\"; addheader \"X\" \"1\"; fileinto \"b\"; fileinto \"c\"; "
      "addheader \"X\" \"2\"; keep;");
  ASSERT_EQ(ran.done(), "fileinto a; fileinto b; fileinto c; keep");
  const auto& actions = ran.outcome.actions;
  EXPECT_EQ(actions[0].message, nullptr);
  EXPECT_EQ(*actions[1].message, "X: 1\r\n" + std::string(kLetter));
  EXPECT_EQ(actions[1].message, actions[2].message);
  EXPECT_EQ(*actions[3].message, "X: 2\r\nX: 1\r\n" + std::string(kLetter));
}

}  // namespace
}  // namespace pabal::sieve
