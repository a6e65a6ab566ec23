// The files of the web mail as the program carries them. webmail/build.mjs writes the table at build time.
#pragma once

#include <span>
#include <string_view>

namespace pabal::app {

struct WebmailFile {
  std::string_view path;    // "/index.html", "/assets/index-Ab12.js"
  std::string_view type;    // of media
  std::string_view tag;     // of its content, without quotes
  std::string_view plain;   // octets
  std::string_view brotli;  // the same, RFC 7932
};
std::span<const WebmailFile> webmail_files();

}  // namespace pabal::app
