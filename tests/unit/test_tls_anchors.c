// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tls_anchors.h"

#if defined(__x86_64__)

#include "../boringssl_image.h"

static const struct boringssl *const versions[] = {&image_plain_parts, &image_whole_parts};

#define VERSIONS 2

/* A file of the version, and where its parts lie in it. */
struct scene {
	const struct boringssl *parts;
	struct tls_image image;
	uint8_t bytes[IMAGE_SIZE];
};

static void open_scene(struct scene *scene, size_t version)
{
	scene->parts = versions[version];
	scene->image = boringssl_outline();
	boringssl_file(scene->parts, scene->bytes);
}

static uint64_t offset_of(const struct scene *scene, const uint8_t *part)
{
	return IMAGE_TEXTS + (uint64_t)(part - scene->parts->begin);
}

/* Why nothing is found; "" when it is. */
static const char *why_not(const struct scene *scene)
{
	struct tls_anchors anchors;
	const char *why = NULL;
	int err = tls_anchors_find(&scene->image, scene->bytes, &anchors, &why);

	assert_true(!err || (err == -ENOENT && why));
	return err ? why : "";
}

/* The place of these bytes, which are there once behind `part`. */
static uint8_t *place_of(struct scene *scene, const uint8_t *part, const void *bytes, size_t size)
{
	uint8_t *from = scene->bytes + offset_of(scene, part);
	uint8_t *at = memmem(from, (size_t)(scene->bytes + IMAGE_SIZE - from), bytes, size);

	assert_non_null(at);
	return at;
}

/* The reason and the line of the error that is put with this line. */
static uint8_t *reason_of(struct scene *scene, uint32_t line)
{
	bool plain = scene->parts == &image_plain_parts;
	uint8_t load[6] = {0x41, 0xb8}, *at;

	if (plain)
		load[0] = 0xb9;
	memcpy(load + (plain ? 1 : 2), &line, sizeof(line));
	at = place_of(scene, scene->parts->begin, load, plain ? 5 : 6);
	return at - 4;
}

static uint8_t *line_of(struct scene *scene, uint32_t line)
{
	return reason_of(scene, line) + (scene->parts == &image_plain_parts ? 5 : 6);
}

static void both_anchors_single_out_two_functions(void **state)
{
	struct tls_anchors anchors;
	struct scene scene;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < VERSIONS; i++) {
		open_scene(&scene, i);
		assert_string_equal(why_not(&scene), "");
		assert_int_equal(tls_anchors_find(&scene.image, scene.bytes, &anchors, &why), 0);
		assert_int_equal(anchors.write, offset_of(&scene, scene.parts->write));
		assert_int_equal(anchors.read, offset_of(&scene, scene.parts->read));
		assert_in_range(anchors.write + anchors.write_size,
				offset_of(&scene, scene.parts->other) - 15,
				offset_of(&scene, scene.parts->other));
	}
}

static void the_name_of_the_source_is_there_once(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, 0);
	strcpy((char *)scene.bytes + 0x180, "boringssl/ssl/ssl_lib.cc");
	assert_string_equal(why_not(&scene),
			    "the name of BoringSSL's ssl_lib.cc is in it more than once");
	open_scene(&scene, 0);
	scene.bytes[IMAGE_SOURCE + 5] = 0;
	assert_string_equal(why_not(&scene),
			    "no place of it puts SSL_write's error of a bad length");
	scene.bytes[IMAGE_SOURCE + 15] = 'x';
	assert_string_equal(why_not(&scene), "the name of BoringSSL's ssl_lib.cc is not in it");
}

static void an_error_too_many_or_too_few_is_refused(void **state)
{
	struct scene scene;
	size_t i;

	(void)state;
	for (i = 0; i < VERSIONS; i++) {
		open_scene(&scene, i);
		*reason_of(&scene, 979) = 112;
		assert_string_equal(why_not(&scene),
				    "no place of it puts SSL_write's error of a bad length");
		open_scene(&scene, i);
		*reason_of(&scene, 781) = 111;
		assert_string_equal(why_not(&scene),
				    "more than one place of it puts SSL_write's error of a bad "
				    "length");
		open_scene(&scene, i);
		*line_of(&scene, 840) = 0xff; /* behind all others */
		assert_string_equal(why_not(&scene),
				    "the errors of SSL_read and SSL_write are not in the order of "
				    "BoringSSL's source, each once");
		open_scene(&scene, i);
		memcpy(line_of(&scene, 781), line_of(&scene, 953), 4); /* one line, two places */
		*reason_of(&scene, 953) = 66;
		assert_string_equal(why_not(&scene),
				    "the errors of SSL_read and SSL_write are not in the order of "
				    "BoringSSL's source, each once");
	}
}

static void a_function_of_another_shape_is_refused(void **state)
{
	static const uint8_t tests_sign[] = {0x45, 0x85, 0xff, 0x78},
			     hands_on[] = {0xff, 0x50, 0x48}, moves_on[] = {0x48, 0x89, 0x88, 0x88};
	struct scene scene;
	size_t i;

	(void)state;
	for (i = 0; i < VERSIONS; i++) {
		open_scene(&scene, i);
		place_of(&scene, scene.parts->write, tests_sign, sizeof(tests_sign))[3] = 0x7c;
		assert_string_equal(why_not(&scene),
				    "no function has the shape of BoringSSL's SSL_write");
		open_scene(&scene, i);
		place_of(&scene, scene.parts->write, hands_on, sizeof(hands_on))[1] = 0x51;
		assert_string_equal(why_not(&scene),
				    "no function has the shape of BoringSSL's SSL_write");
		open_scene(&scene, i);
		place_of(&scene, scene.parts->read, moves_on, sizeof(moves_on))[3] = 0x90;
		assert_string_equal(why_not(&scene),
				    "no function has the shape of BoringSSL's SSL_read");
	}
}

static void a_shape_that_two_functions_have_is_refused(void **state)
{
	struct scene scene;
	size_t size;

	(void)state;
	open_scene(&scene, 0);
	size = (size_t)(scene.parts->other - scene.parts->write);
	memset(scene.bytes + 0x600, 0xcc, 16);
	memcpy(scene.bytes + 0x610, scene.parts->write, size);
	/* Its errors are not the library's. */
	while (true) {
		uint32_t source = 0x200101;
		uint8_t *at = memmem(scene.bytes + 0x610, size, &source, sizeof(source));

		if (!at)
			break;
		*at = 0x99;
	}
	assert_string_equal(why_not(&scene),
			    "more than one function has the shape of BoringSSL's SSL_write");
}

static void anchors_that_disagree_are_refused(void **state)
{
	struct scene scene;
	size_t i;

	(void)state;
	/* An error of SSL_write that another function puts. */
	for (i = 0; i < VERSIONS; i++) {
		uint32_t far = 700, quic = 953;

		open_scene(&scene, i);
		*reason_of(&scene, 781) = 66;
		memcpy(line_of(&scene, 953), &far, sizeof(far));
		memcpy(line_of(&scene, 781), &quic, sizeof(quic));
		assert_string_equal(why_not(&scene),
				    "the function with the shape of SSL_write does "
				    "not put its errors");
		open_scene(&scene, i);
		quic = 932;
		*reason_of(&scene, 781) = 66;
		memcpy(line_of(&scene, 932), &far, sizeof(far));
		memcpy(line_of(&scene, 781), &quic, sizeof(quic));
		assert_string_equal(why_not(&scene), "the function with the shape of SSL_read does "
						     "not put its errors");
	}
}

static void a_function_begins_where_it_is_called_or_behind_padding(void **state)
{
	struct scene scene;
	uint8_t *call;

	(void)state;
	open_scene(&scene, 0);
	scene.bytes[offset_of(&scene, scene.parts->write) - 1] = 0x90;
	assert_string_equal(why_not(&scene), "");
	call = scene.bytes + offset_of(&scene, scene.parts->end) - 6;
	assert_int_equal(*call, 0xe8);
	*call = 0xe9;
	assert_string_equal(why_not(&scene), "no function has the shape of BoringSSL's SSL_write");
}

/* What was found in one file is there in another, or not. */
static void places_found_before_are_looked_at_again(void **state)
{
	struct tls_anchors found, other;
	struct scene scene;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < VERSIONS; i++) {
		open_scene(&scene, i);
		scene.image.file = memfd_create("image", MFD_CLOEXEC);
		assert_int_equal(tls_anchors_find(&scene.image, scene.bytes, &found, &why), 0);
		assert_int_equal(pwrite(scene.image.file, scene.bytes, IMAGE_SIZE, 0), IMAGE_SIZE);
		other = (struct tls_anchors){.write = found.write, .read = found.read};
		assert_true(tls_anchors_fit(&scene.image, &other));
		assert_memory_equal(&other, &found, sizeof(found));
		other.write += 16;
		assert_false(tls_anchors_fit(&scene.image, &other));
		other = (struct tls_anchors){.write = found.read, .read = found.write};
		assert_false(tls_anchors_fit(&scene.image, &other));
		other = (struct tls_anchors){.write = IMAGE_SIZE - 1, .read = UINT64_MAX};
		assert_false(tls_anchors_fit(&scene.image, &other));
		*reason_of(&scene, 979) = 112;
		assert_int_equal(pwrite(scene.image.file, scene.bytes, IMAGE_SIZE, 0), IMAGE_SIZE);
		assert_false(tls_anchors_fit(&scene.image, &found));
		*reason_of(&scene, 979) = 111;
		scene.bytes[IMAGE_SOURCE + 15] = 'x';
		assert_int_equal(pwrite(scene.image.file, scene.bytes, IMAGE_SIZE, 0), IMAGE_SIZE);
		assert_false(tls_anchors_fit(&scene.image, &found));
		close(scene.image.file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_anchors_single_out_two_functions),
		cmocka_unit_test(the_name_of_the_source_is_there_once),
		cmocka_unit_test(an_error_too_many_or_too_few_is_refused),
		cmocka_unit_test(a_function_of_another_shape_is_refused),
		cmocka_unit_test(a_shape_that_two_functions_have_is_refused),
		cmocka_unit_test(anchors_that_disagree_are_refused),
		cmocka_unit_test(a_function_begins_where_it_is_called_or_behind_padding),
		cmocka_unit_test(places_found_before_are_looked_at_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else /* other machines: instructions differ */

static void nothing_is_found(void **state)
{
	static struct tls_image image;
	struct tls_anchors anchors = {};

	(void)state;
	assert_false(tls_anchors_fit(&image, &anchors));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_found)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
