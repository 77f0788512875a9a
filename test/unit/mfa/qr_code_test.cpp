// QR codes, read back by another program: zbarimg, from the SVG as librsvg draws it and from the text as a terminal shows it.
#include "core/mfa/qr_code.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"

namespace {

namespace fs = std::filesystem;
using bastion::ErrorCode;
using bastion::qr_code_svg;
using bastion::qr_code_text;
using bastion::QrGlyphs;
using bastion::test::words;

const std::vector<std::string> texts{
    "otpauth://totp/"
    "Example:ann%40x.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example&algorithm=SHA1&digits=6&period=30",
    "a", std::string(500, 'x') + "end"};

bool has_readers() { return std::system("command -v zbarimg rsvg-convert >/dev/null 2>&1") == 0; }

class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "qr_code_test.XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    fs::path path_;
};

std::string output_of(const std::string& command) {
    FILE* const pipe = popen(command.c_str(), "r");
    std::string out;
    for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
    pclose(pipe);
    return out;
}

std::string read_image(const std::string& path) {
    return output_of("zbarimg --quiet --raw -Sdisable -Sqrcode.enable '" + path + "' 2>/dev/null");
}

void write(const std::string& path, std::string_view content) { std::ofstream(path, std::ios::binary) << content; }

// The modules of a text, light ones as true.
std::vector<std::vector<bool>> modules_of(std::string_view text, QrGlyphs glyphs) {
    std::vector<std::vector<bool>> rows;
    std::vector<bool> upper;
    std::vector<bool> lower;
    const auto end_line = [&] {
        rows.push_back(upper);
        if (glyphs == QrGlyphs::half_blocks) rows.push_back(lower);
        upper.clear();
        lower.clear();
    };
    while (!text.empty()) {
        const auto is = [&](std::string_view glyph) { return text.substr(0, glyph.size()) == glyph; };
        std::size_t size = 3;
        if (is("\n")) {
            end_line();
            text.remove_prefix(1);
            continue;
        }
        if (glyphs == QrGlyphs::ascii) {
            EXPECT_TRUE(is("##") || is("  "));
            upper.push_back(is("##"));
            size = 2;
        } else {
            upper.push_back(is("\u2580") || is("\u2588"));
            lower.push_back(is("\u2584") || is("\u2588"));
            if (is(" ")) size = 1;
        }
        text.remove_prefix(size);
    }
    end_line();
    return rows;
}

// A grey image of eight pixels to a module.
std::string image_of(const std::vector<std::vector<bool>>& rows) {
    constexpr std::size_t scale = 8;
    std::string image =
        "P5 " + std::to_string(rows[0].size() * scale) + " " + std::to_string(rows.size() * scale) + " 255\n";
    for (const auto& row : rows) {
        std::string line;
        for (const bool light : row) line.append(scale, light ? '\xff' : '\0');
        for (std::size_t i = 0; i < scale; ++i) image += line;
    }
    return image;
}

TEST(QrCode, SvgIsReadByAnotherProgram) {
    if (!has_readers()) {
        if (bastion::test::running_in_ci()) FAIL() << "zbarimg or rsvg-convert is missing";
        GTEST_SKIP() << "needs zbarimg and rsvg-convert";
    }
    const Folder folder;
    for (const std::string& text : texts) {
        SCOPED_TRACE(words(text));
        const auto svg = qr_code_svg(text);
        ASSERT_TRUE(svg);
        EXPECT_EQ(
            svg->text().find_first_not_of("<>/=\"#.-: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
            std::string_view::npos);
        write(folder.file("code.svg"), svg->text());
        output_of("rsvg-convert --width 800 --output '" + folder.file("code.png") + "' '" + folder.file("code.svg") +
                  "'");
        EXPECT_EQ(read_image(folder.file("code.png")), text + "\n");
    }
}

TEST(QrCode, TextIsReadByAnotherProgram) {
    if (!has_readers()) {
        if (bastion::test::running_in_ci()) FAIL() << "zbarimg or rsvg-convert is missing";
        GTEST_SKIP() << "needs zbarimg and rsvg-convert";
    }
    const Folder folder;
    for (const QrGlyphs glyphs : {QrGlyphs::half_blocks, QrGlyphs::ascii}) {
        for (const std::string& text : texts) {
            SCOPED_TRACE(words(glyphs == QrGlyphs::ascii, text));
            const auto drawn = qr_code_text(text, glyphs);
            ASSERT_TRUE(drawn);
            const auto rows = modules_of(drawn->text(), glyphs);
            ASSERT_TRUE(std::ranges::all_of(rows, [&](const auto& row) { return row.size() == rows[0].size(); }));
            // The quiet zone is part of the code: a terminal is dark around it.
            const std::vector<bool> light(rows[0].size(), true);
            EXPECT_EQ(std::ranges::count(std::span(rows).first(4), light), 4);
            write(folder.file("code.pgm"), image_of(rows));
            EXPECT_EQ(read_image(folder.file("code.pgm")), text + "\n");
        }
    }
}

TEST(QrCode, OnlyTextsThatFit) {
    for (const std::size_t size : {0, 2001, 100'000}) {
        SCOPED_TRACE(words(size));
        EXPECT_EQ(qr_code_svg(std::string(size, 'x')).error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(qr_code_text(std::string(size, 'x'), QrGlyphs::ascii).error().code, ErrorCode::invalid_argument);
    }
    EXPECT_TRUE(qr_code_svg(std::string(2000, 'x')));
}

}  // namespace
