use super::*;

use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};
use base64::Engine as _;
use s3s::crypto::Checksum as _;

const PART: usize = 5 << 20;

impl Served {
    pub(super) async fn begin(&self, key: &str) -> String {
        let create = self
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .metadata("event", "e-1");
        create.send().await.unwrap().upload_id.unwrap()
    }

    pub(super) async fn part(
        &self,
        key: &str,
        id: &str,
        number: i32,
        bytes: Vec<u8>,
    ) -> CompletedPart {
        let part = self
            .client
            .upload_part()
            .bucket(BUCKET)
            .key(key)
            .upload_id(id)
            .part_number(number);
        let part = part.body(ByteStream::from(bytes)).send().await.unwrap();
        let done = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag);
        done.set_checksum_crc32(part.checksum_crc32).build()
    }

    pub(super) async fn complete(
        &self,
        key: &str,
        id: &str,
        parts: &[CompletedPart],
        only_new: bool,
    ) -> Result<Option<String>, String> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.to_vec()))
            .build();
        let complete = self
            .client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .upload_id(id)
            .multipart_upload(parts);
        let complete = if only_new {
            complete.if_none_match("*")
        } else {
            complete
        };
        complete
            .send()
            .await
            .map(|done| done.version_id)
            .map_err(|error| code(&error))
    }
}

#[tokio::test]
async fn parts_become_one_object_with_the_uploads_metadata() {
    let served = Served::new(true).await;
    let create = served
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .metadata("event", "e-1");
    let id = create
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .send()
        .await
        .unwrap()
        .upload_id
        .unwrap();
    let bytes = noise(PART + 1000);
    let second = served.part("k", &id, 2, bytes[PART..].to_vec()).await;
    let first = served.part("k", &id, 1, bytes[..PART].to_vec()).await;
    let [unfinished] = &served.s3.unfinished_uploads(BUCKET)[..] else {
        panic!("one upload")
    };
    assert_eq!(
        unfinished.parts,
        BTreeMap::from([(1, 5_242_880), (2, 1000)])
    );
    // A restart in between loses nothing.
    assert_eq!(
        served.restarted().unfinished_uploads(BUCKET),
        served.s3.unfinished_uploads(BUCKET)
    );
    let listed = served
        .client
        .list_parts()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .max_parts(1)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (listed.parts().len(), listed.is_truncated()),
        (1, Some(true))
    );
    let version = served
        .complete("k", &id, &[first, second], true)
        .await
        .unwrap();
    let got = served
        .get_object("k")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(got.version_id, version);
    assert!(got.e_tag().unwrap().ends_with("-2\""));
    assert!(got.checksum_crc32().unwrap().ends_with("-2"));
    assert_eq!(got.metadata().unwrap()["event"], "e-1");
    assert!(got.body.collect().await.unwrap().to_vec() == bytes);
    let second = served.get_object("k").part_number(2).send().await.unwrap();
    assert_eq!(
        (second.parts_count(), second.content_length()),
        (Some(2), Some(1000))
    );
    assert!(served.s3.unfinished_uploads(BUCKET).is_empty());
    assert_eq!(served.data_files(), 1);
    assert_eq!(
        served.restarted().objects(BUCKET),
        served.s3.objects(BUCKET)
    );
}

#[tokio::test]
async fn a_full_object_checksum_covers_all_parts() {
    let served = Served::new(false).await;
    let create = served
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k");
    let create = create
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .checksum_type(ChecksumType::FullObject);
    let id = create.send().await.unwrap().upload_id.unwrap();
    let bytes = noise(PART + 7);
    let parts = [
        served.part("k", &id, 1, bytes[..PART].to_vec()).await,
        served.part("k", &id, 9, bytes[PART..].to_vec()).await,
    ];
    served.complete("k", &id, &parts, false).await.unwrap();
    let head = served
        .head_object("k")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    let expected =
        base64::engine::general_purpose::STANDARD.encode(s3s::crypto::Crc32::checksum(&bytes));
    assert_eq!(head.checksum_crc32(), Some(expected.as_str()));
    // The SDK checks it, too.
    let got = served.get_object("k").send().await.unwrap();
    assert_eq!(
        got.body.collect().await.unwrap().to_vec().len(),
        bytes.len()
    );
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let served = Served::new(false).await;
    let id = served.begin("k").await;
    served.part("k", &id, 1, noise(100)).await;
    served.part("k", &id, 1, noise(200)).await;
    served
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .send()
        .await
        .unwrap();
    assert!(served.restarted().unfinished_uploads(BUCKET).is_empty());
    assert_eq!(served.data_files(), 0);
    let part = served
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .part_number(1)
        .send()
        .await;
    assert_eq!(code(&part.unwrap_err()), "NoSuchUpload");
    let again = served
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .send()
        .await;
    assert_eq!(code(&again.unwrap_err()), "NoSuchUpload");
}
