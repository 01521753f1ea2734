use super::*;

use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

const PART: usize = 5 << 20;

impl Served {
    async fn begin(&self) -> String {
        let create = self.client.create_multipart_upload();
        let create = create.bucket(BUCKET).key("k").metadata("event", "e-1");
        let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32);
        create.send().await.unwrap().upload_id.unwrap()
    }

    async fn part(&self, id: &str, number: i32, bytes: &[u8]) -> Result<CompletedPart, String> {
        let part = self.client.upload_part().bucket(BUCKET).key("k");
        let part = part.upload_id(id).part_number(number);
        let part = part.body(ByteStream::from(bytes.to_vec())).send().await;
        let part = part.map_err(|error| code(&error))?;
        let done = CompletedPart::builder().part_number(number);
        let done = done.set_e_tag(part.e_tag);
        Ok(done.set_checksum_crc32(part.checksum_crc32).build())
    }

    async fn complete(&self, id: &str, parts: &[CompletedPart]) -> Result<(), String> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec()));
        let complete = self.client.complete_multipart_upload();
        let complete = complete.bucket(BUCKET).key("k").upload_id(id);
        let done = complete.multipart_upload(parts.build()).send().await;
        done.map(drop).map_err(|error| code(&error))
    }

    async fn abort(&self, id: &str) -> Result<(), String> {
        let abort = self.client.abort_multipart_upload();
        let abort = abort.bucket(BUCKET).key("k").upload_id(id).send().await;
        abort.map(drop).map_err(|error| code(&error))
    }
}

#[tokio::test]
async fn parts_become_one_object_with_the_uploads_metadata() {
    let served = Served::new().await;
    let id = served.begin().await;
    let bytes: Vec<u8> = (0..=250).cycle().take(PART + 1000).collect();
    let second = served.part(&id, 2, &bytes[PART..]).await.unwrap();
    let first = served.part(&id, 1, &bytes[..PART]).await.unwrap();
    assert_eq!(served.aws.s3.unfinished_uploads(BUCKET), 1);
    let parts = [first, second];
    served.complete(&id, &parts).await.unwrap();
    let got = served.get_object("k").send().await.unwrap();
    assert!(got.e_tag().unwrap().ends_with("-2\""));
    assert_eq!(got.metadata().unwrap()["event"], "e-1");
    assert!(got.body.collect().await.unwrap().to_vec() == bytes);
    assert_eq!(served.data_files(), 1);
    let again = served.restarted();
    assert_eq!(again.objects(BUCKET), served.aws.s3.objects(BUCKET));
    let twice = served.complete(&id, &parts).await;
    assert_eq!(twice.unwrap_err(), "NoSuchUpload");
}

#[tokio::test]
async fn a_list_of_parts_that_does_not_fit_is_refused_by_name() {
    let served = Served::new().await;
    let id = served.begin().await;
    let one = served.part(&id, 1, b"one").await.unwrap();
    let two = served.part(&id, 2, b"two").await.unwrap();
    let other = |number: i32, etag: &str| {
        let other = CompletedPart::builder().part_number(number).e_tag(etag);
        other.checksum_crc32(one.checksum_crc32().unwrap()).build()
    };
    let etag = one.e_tag().unwrap();
    let without_checksum = CompletedPart::builder().part_number(1).e_tag(etag).build();
    for (parts, expected) in [
        (vec![one.clone(), two.clone()], "EntityTooSmall"),
        (vec![two, one.clone()], "InvalidPartOrder"),
        (vec![one.clone(), one.clone()], "InvalidPartOrder"),
        (vec![], "MalformedXML"),
        (vec![other(3, etag)], "InvalidPart"),
        (vec![other(1, "\"0\"")], "InvalidPart"),
        (vec![without_checksum], "InvalidRequest"),
    ] {
        let refused = served.complete(&id, &parts).await.unwrap_err();
        assert_eq!(refused, expected, "{parts:?}");
    }
    served
        .complete(&id, &[one])
        .await
        .expect("it outlived all that");
    assert_eq!(served.get("k").await, "one");
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let served = Served::new().await;
    let id = served.begin().await;
    served.part(&id, 1, b"one").await.unwrap();
    served.part(&id, 1, b"another").await.unwrap();
    for number in [0, 10_001] {
        let refused = served.part(&id, number, b"x").await;
        assert_eq!(refused.unwrap_err(), "InvalidArgument");
    }
    let unchecked = aws_sdk_s3::Config::builder()
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    let part = served.client.upload_part().bucket(BUCKET).key("k");
    let part = part.upload_id(&id).part_number(1).customize();
    let part = part.config_override(unchecked).send().await;
    assert_eq!(code(&part.unwrap_err()), "InvalidRequest");
    served.abort(&id).await.unwrap();
    assert_eq!(served.aws.s3.unfinished_uploads(BUCKET), 0);
    assert_eq!(served.data_files(), 0);
    let part = served.part(&id, 1, b"x").await;
    assert_eq!(part.unwrap_err(), "NoSuchUpload");
    assert_eq!(served.abort(&id).await.unwrap_err(), "NoSuchUpload");
}
